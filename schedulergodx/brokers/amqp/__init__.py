"""The parts of a broker on RabbitMQ that are the same whichever library speaks AMQP."""
