"""The broker on RabbitMQ by pika: for the service, and for the thread of a synchronous client."""

from __future__ import annotations

from schedulergodx.brokers.amqp.broker import AmqpBroker
from schedulergodx.brokers.amqp.pika_link import connect


class RabbitBroker(AmqpBroker):
    """A `Broker` on RabbitMQ, by pika."""

    _connect = staticmethod(connect)
    _window = 1_000
