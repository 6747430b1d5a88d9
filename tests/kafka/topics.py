"""Topics and the group of one test: new names, so that tests share a broker unseen."""

from __future__ import annotations

import uuid

from kafka.admin import KafkaAdminClient, NewTopic


class Topics:
    """Makes topics on a broker, and takes them away."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.group = f"group-{uuid.uuid4().hex}"
        self._admin: KafkaAdminClient | None = None

    @property
    def admin(self) -> KafkaAdminClient:
        """A client that may do anything to the broker."""
        if self._admin is None:
            self._admin = KafkaAdminClient(bootstrap_servers=self.address)
        return self._admin

    def new(self, *, partitions: int = 1, name: str | None = None) -> str:
        """Make a topic and wait until the broker knows it everywhere; its name."""
        topic = name or f"test-{uuid.uuid4().hex}"
        self.admin.create_topics([NewTopic(topic, partitions, 1)])
        self.admin.wait_for_topics([topic])
        return topic

    def close(self) -> None:
        """Let the client go; topics of a test are small, and end with the broker."""
        if self._admin is not None:
            self._admin.close()
