"""Imports inside of functions, as cycles of modules force them."""


def relative():
    from .money import double

    return double(21)


def of_a_module():
    from . import money

    return money.quadruple(1)


def dotted():
    import shop.parts.rates

    return shop.parts.rates.tax(10)


def renamed():
    import shop.parts.rates as found

    return found.tax(10)


def installed():
    import json
    from collections.abc import Mapping

    return json.loads("[1]"), isinstance({}, Mapping)


def missing():
    try:
        import shop.not_there
    except ImportError as error:
        return error.name
    return shop
