"""A package as people write them."""

CURRENCY = "EUR"
