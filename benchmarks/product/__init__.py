"""The product as a contestant."""
