"""Marks the functions that `ends/claims.py` runs."""


def claim(function):
    """This function asserts something of a `Remote`."""
    function.is_claim = True
    return function
