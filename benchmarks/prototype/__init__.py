"""The bare prototype: the whole path of a job, and nothing beside it.

Client, RabbitMQ, service, SQLite, a worker that was forked before, SQLite, RabbitMQ, client. No
retries, no lifetimes, no limits, no signatures, no cancel: an upper bound for a design of this
kind, by which the product is measured, and no product.
"""
