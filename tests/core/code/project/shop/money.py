"""Helpers, and imports of every kind."""

from __future__ import annotations

import concurrent.futures
import os.path
import xml.dom.minidom
from typing import TYPE_CHECKING

import shop.parts.rates

from . import CURRENCY
from .parts import rates

if TYPE_CHECKING:
    from nowhere import Unknown

FACTOR = 100
COUNT = 0
NOTES: list[str] = []


def double(x):
    return 2 * x


def quadruple(x):
    return double(double(x))


def label(x):
    return f"{x} {CURRENCY}"


def hinted(x: Unknown) -> Unknown:
    return x


def taxed(x):
    return shop.parts.rates.tax(x) + rates.tax(x)


def common(paths):
    return os.path.commonpath(paths)


def threaded(x):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(double, x).result()


def parsed(text):
    return xml.dom.minidom.parseString(text).documentElement.tagName


def counted():
    global COUNT
    COUNT += 1
    return bump(), COUNT


def bump():
    global COUNT
    COUNT += 10
    return COUNT


def noted(note):
    NOTES.append(note)
    return list(NOTES)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)
