"""Found through attributes of packages."""

import decimal

RATE = decimal.Decimal("0.2")


def tax(amount):
    return amount * RATE


def unshippable():
    return CONNECTION


CONNECTION = (step for step in "abc")  # can't travel, and need not
