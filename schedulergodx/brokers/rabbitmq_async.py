"""The broker on RabbitMQ by aio-pika: for clients on a loop of their own. Extra: `async`."""

from __future__ import annotations

from schedulergodx.brokers.amqp.aio_link import connect
from schedulergodx.brokers.amqp.broker import AmqpBroker


class AioRabbitBroker(AmqpBroker):
    """A `Broker` on RabbitMQ, by aio-pika."""

    _connect = staticmethod(connect)
    _window = 500  # aiormq looks at all that is under way for each confirm that stands for several
