"""docker-compose.yml: what one machine needs, and nothing open to others."""

from __future__ import annotations

import base64
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from kafka.admin import ConfigResource, ConfigResourceType

from events.envelope import MAX_BYTES
from interfaces.cli.main import commissions
from interfaces.demo import produce
from interfaces.demo.year import year
from ledger.errors import NotReady
from ledger.ingest.kafka.access import Access
from ledger.ingest.publisher import Outgoing, Publisher
from tests.kafka.broker import Broker
from tests.kafka.topics import Topics
from tests.outbox.topic import read_all

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
    services = compose["services"].values()
    ports = [port for service in services for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_file_is_a_valid_compose_file() -> None:
    """By the JSON Schema of the compose specification."""
    check = ("-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    done = subprocess.run(
        [sys.executable, *check, str(FILE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_has_a_health_check(compose: dict[str, Any]) -> None:
    """`docker compose up --wait` means ready."""
    assert all(service["healthcheck"]["test"] for service in compose["services"].values())


def test_the_servers_keep_their_data_in_named_volumes(compose: dict[str, Any]) -> None:
    """Making containers anew loses nothing."""
    for name in ("postgres", "kafka"):
        (volume,) = compose["services"][name]["volumes"]
        assert volume.split(":")[0] in compose["volumes"]


def test_there_is_all_that_it_takes_to_see_balances_move(compose: dict[str, Any]) -> None:
    """Two workers in one group, a relay, a producer, and somebody who accrues."""
    services = compose["services"]
    assert {"producer", "consume-1", "consume-2", "relay", "finance"} <= set(services)
    assert services["consume-1"]["command"] == services["consume-2"]["command"]
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            assert other in services, name


@pytest.mark.parametrize("name", ["consume-1", "relay"])
def test_the_commands_take_the_options_that_they_are_given(
    compose: dict[str, Any], name: str
) -> None:
    """By the commands themselves."""
    command, *options = compose["services"][name]["command"]
    found = commissions.get_command(click.Context(commissions), command)
    assert found is not None
    context = found.make_context(command, options)
    assert context.params["bootstrap_servers"] == ("kafka:19092",)


def test_the_producer_takes_the_options_that_it_is_given(
    compose: dict[str, Any], topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of the file, with the tests' broker, topics and one message of each month."""
    (script,) = compose["services"]["producer"]["command"]
    words = script.replace("\\\n", " ").split("interfaces.demo.produce ")[1].split()
    mine = f"compose-{uuid.uuid4().hex}"
    renamed = {"kafka:19092": topics.address, "/tmp/ready": str(tmp_path / "ready")}  # noqa: S108
    words = [renamed.get(word, word.replace("commissions.", f"{mine}.")) for word in words]
    words.remove("--stay")
    few = [replace(month, lines=month.lines[:1]) for month in year()]
    monkeypatch.setattr(produce, "year", lambda: few)
    assert produce.main(words) == 0
    assert (tmp_path / "ready").exists()
    assert len(read_all(topics.address, f"{mine}.facts")) == len(few) == 13
    made = {f"{mine}.{name}" for name in ("facts", "decisions", "dead-letters")}
    assert made <= set(topics.admin.list_topics())
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in made]
    found = topics.admin.describe_configs(asked)["topic"]
    # What the broker deletes would be missing: of facts to the ledger, of decisions to readers.
    assert {topic: found[topic]["retention.ms"]["value"] for topic in made} == dict.fromkeys(
        made, "-1"
    )


def test_a_broker_with_these_settings_takes_what_the_ledger_needs(
    kafka: dict[str, str], tmp_path: Path
) -> None:
    """The settings of the file, on the tests' broker: it starts, takes 1 MiB, makes no topic."""
    places = ("LISTENER", "ADVERTISED", "QUORUM", "LOG_DIRS", "NODE_ID", "PROCESS_ROLES", "INTER_B")
    settings = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in kafka.items()
        if name.startswith("KAFKA_") and not any(place in name for place in places)
    }
    assert {"message.max.bytes", "auto.create.topics.enable", "min.insync.replicas"} <= set(
        settings
    )
    broker = Broker(tmp_path, settings=settings)
    broker.start()
    try:
        topics = Topics(broker.address)
        topic = topics.new()
        wide = Outgoing(b"p", b"x" * MAX_BYTES, [("content-type", b"application/json")])
        with Publisher(Access([broker.address])) as publisher:
            publisher.publish(topic, [wide])
            with pytest.raises(NotReady):
                publisher.place("mistyped")
        assert [len(record.value) for record in read_all(broker.address, topic)] == [MAX_BYTES]
        assert "mistyped" not in topics.admin.list_topics()
        topics.close()
    finally:
        broker.stop()


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
        for name, value in service.get("environment", {}).items()
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
