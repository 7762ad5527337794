"""The rules: no I/O, no clock, no thread, no database."""
