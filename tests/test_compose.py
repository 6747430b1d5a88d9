"""docker-compose.yml: what one machine needs, and nothing open to others."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).parents[1] / "docker-compose.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as it is read by docker compose."""
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def kafka(compose: dict[str, Any]) -> dict[str, str]:
    """The settings of the broker."""
    environment: dict[str, str] = compose["services"]["kafka"]["environment"]
    return environment


def test_the_versions_are_the_ones_that_the_ledger_is_built_for(compose: dict[str, Any]) -> None:
    """PostgreSQL 18 and Apache Kafka 4.1."""
    services = compose["services"]
    assert services["postgres"]["image"].split(":")[1].split(".")[0] == "18"
    assert services["kafka"]["image"].startswith("apache/kafka:4.1.")


def test_every_port_is_on_this_machine_only(compose: dict[str, Any]) -> None:
    """A port without an address would be open to the network."""
    ports = [port for service in compose["services"].values() for port in service["ports"]]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_service_has_a_health_check_and_a_named_volume(compose: dict[str, Any]) -> None:
    """`docker compose up --wait` means ready; making containers anew loses nothing."""
    for service in compose["services"].values():
        assert service["healthcheck"]["test"]
        (volume,) = service["volumes"]
        assert volume.split(":")[0] in compose["volumes"]


def test_postgresql_18_keeps_its_data_above_the_versions_directory(
    compose: dict[str, Any],
) -> None:
    """From 18 on the image refuses a volume at .../data."""
    (volume,) = compose["services"]["postgres"]["volumes"]
    assert volume.split(":")[1] == "/var/lib/postgresql"


def test_the_only_password_says_that_it_is_for_local_development(compose: dict[str, Any]) -> None:
    """Nobody takes it for a secret."""
    secrets = {
        name: value
        for service in compose["services"].values()
        for name, value in service["environment"].items()
        if "PASSWORD" in name or "SECRET" in name
    }
    assert secrets == {"POSTGRES_PASSWORD": "local-development-only"}


def test_the_broker_is_its_own_controller(kafka: dict[str, str]) -> None:
    """KRaft: one node, one vote, and no ZooKeeper."""
    assert set(kafka["KAFKA_PROCESS_ROLES"].split(",")) == {"broker", "controller"}
    node, _, address = kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"].partition("@")
    assert node == kafka["KAFKA_NODE_ID"]
    controller = kafka["KAFKA_CONTROLLER_LISTENER_NAMES"]
    assert f"{controller}://:{address.split(':')[1]}" in kafka["KAFKA_LISTENERS"].split(",")
    assert not any("ZOOKEEPER" in name for name in kafka)


def test_the_cluster_id_is_one_that_kafka_takes(kafka: dict[str, str]) -> None:
    """A UUID in 22 characters of URL-safe base 64."""
    assert len(base64.urlsafe_b64decode(kafka["CLUSTER_ID"] + "==")) == 16


def test_every_listener_has_a_protocol_and_the_outer_one_is_told_to_this_machine(
    kafka: dict[str, str],
) -> None:
    """A client is sent to the advertised address; it must be one that it can reach."""
    listeners = {entry.split("://")[0] for entry in kafka["KAFKA_LISTENERS"].split(",")}
    protocols = dict(
        entry.split(":") for entry in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert listeners == set(protocols)
    advertised = dict(
        entry.split("://") for entry in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    )
    assert advertised["OUTSIDE"] == "127.0.0.1:9092"
    assert kafka["KAFKA_INTER_BROKER_LISTENER_NAME"] in advertised
    assert kafka["KAFKA_CONTROLLER_LISTENER_NAMES"] not in advertised


def test_nothing_asks_for_more_brokers_than_there_are(kafka: dict[str, str]) -> None:
    """The defaults of three would leave internal topics uncreated."""
    factors = {
        name: value
        for name, value in kafka.items()
        if name.endswith(("REPLICATION_FACTOR", "MIN_ISR", "MIN_INSYNC_REPLICAS"))
    }
    assert {
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR",
        "KAFKA_MIN_INSYNC_REPLICAS",
    } <= set(factors)
    assert set(factors.values()) == {"1"}
