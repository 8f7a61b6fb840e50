"""RabbitMQ through Dramatiq and pika: two megabytes that a process without a broker leaves out."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ssl import create_default_context
from typing import Any, Final

from dramatiq import Consumer, Message
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import ConnectionClosed
from pika import BasicProperties, SSLOptions
from pika.exceptions import UnroutableError

from citylife.settings import BrokerQueue
from notifications.broker import CONNECT_SECONDS

HEARTBEAT_SECONDS: Final = 20
"""A broker that says nothing for so long (and five seconds) is gone."""
LISTEN_SECONDS: Final = 0.5
"""How soon a listening thread notices that it is asked to stop."""
MOST_RINGS: Final = 100
"""Rings kept in the queue; the oldest leave first, and say nothing that the others do not."""
RING_LIFE_MILLISECONDS: Final = 30_000
"""A ring that nobody heard for so long is no news: every worker that runs has looked by itself."""
TRANSIENT: Final = 1
"""AMQP's delivery mode of a message that need not reach a disk."""


class HintBroker(RabbitmqBroker):
    """Dramatiq's broker for messages that may be lost: one bounded queue, no delayed, dead or stored messages."""

    def __init__(self, url: str, queue: BrokerQueue, *, ca_file: str = "") -> None:
        """Dial the nodes of `url`; `ca_file` (PEM) replaces the system's authorities where they are dialled by TLS."""
        super().__init__(url=url.split(";"), confirm_delivery=True, middleware=[])
        self.queue = queue
        for parameters in self.parameters:
            if parameters.ssl_options is not None:
                # pika's own names no host, and a context that checks it then refuses every server
                parameters.ssl_options = SSLOptions(create_default_context(cafile=ca_file or None), parameters.host)
            parameters.socket_timeout = parameters.stack_timeout = CONNECT_SECONDS
            parameters.blocked_connection_timeout = CONNECT_SECONDS
            parameters.heartbeat = HEARTBEAT_SECONDS

    @property
    def queue_name(self) -> str:
        """A name for each type of queue, so that changing the setting asks for no deletion by hand."""
        return f"citylife-bell-{self.queue.value}"

    def ring(self) -> None:
        """Put one ring into the queue, made again where the broker has lost it."""
        message: Message[None] = Message(self.queue_name, "look", (), {}, {})
        try:
            self.enqueue(message)
        except UnroutableError:
            self.queues_pending.add(self.queue_name)
            self.enqueue(message)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Publish once, for no disk, and wait until the broker has it (Dramatiq tries six times, which may take long).

        Raises:
            UnroutableError: the queue is not there any more.
        """
        if delay is not None:
            raise NotImplementedError("What is to be done later is in the timetable, never in the broker")
        self.declare_queue(message.queue_name, ensure=True)
        self.channel.basic_publish(
            exchange="",
            routing_key=message.queue_name,
            body=message.encode(),
            properties=BasicProperties(delivery_mode=TRANSIENT),
            mandatory=True,
        )
        return message

    @contextmanager
    def rings(self) -> Iterator[Iterator[bool]]:
        """Listen on a connection of its own; the queue is made where the broker has lost it."""
        self.queues_pending.add(self.queue_name)
        try:
            consumer = self.consume(self.queue_name, prefetch=1, timeout=int(LISTEN_SECONDS * 1000))
        finally:
            self.hang_up()
        try:
            yield _rings(consumer)
        finally:
            with suppress(ConnectionClosed):
                consumer.close()

    def keep_alive(self) -> None:
        """Connect this thread where it is not connected, and answer what the broker asked meanwhile."""
        self.declare_queue(self.queue_name, ensure=True)
        self.connection.process_data_events(time_limit=0)

    def hang_up(self) -> None:
        """Close what this thread has open; the next to use the broker connects anew and makes the queue again."""
        del self.connection
        self.queues_pending.add(self.queue_name)

    def _ensure_queue(self, canonical_queue_name: str) -> None:
        """Make the queue in one attempt: whoever is away is tried again later, not twice in a row."""
        if canonical_queue_name in self.queues_pending:
            self._declare_queue(canonical_queue_name)  # type: ignore[no-untyped-call]
            self.queues_pending.discard(canonical_queue_name)

    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:  # noqa: ARG002 - the interface
        return {
            "x-queue-type": self.queue.value,
            "x-max-length": MOST_RINGS,
            "x-overflow": "drop-head",
            "x-message-ttl": RING_LIFE_MILLISECONDS,
        }


def _rings(consumer: Consumer) -> Iterator[bool]:
    """Whether there was a ring, each time the consumer says something; one is taken once it was passed on."""
    for message in consumer:
        yield message is not None
        if message is not None:
            consumer.ack(message)
