"""A broker that speaks TLS only: to those who trust its certificate, and to nobody else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from tests.interfaces.commands import Commands
from tests.kafka.broker import PASSWORD, USER, Broker
from tests.kafka.producing import Producer, activation

pytestmark = pytest.mark.timeout(180)

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A key and certificate for 127.0.0.1 in a key store, and the certificate alone in PEM."""
    store, pem = folder / f"{name}.p12", folder / f"{name}.pem"
    secret = ["-keystore", str(store), "-storetype", "PKCS12", "-storepass", PASSWORD]
    made = ["-genkeypair", "-keyalg", "EC", "-validity", "2", "-dname", f"CN={name}"]
    where = ["-ext", "san=ip:127.0.0.1,dns:localhost", "-ext", "bc:c"]
    for arguments in ([*made, *where], ["-exportcert", "-rfc", "-file", str(pem)]):
        command = ["keytool", *arguments, *secret, "-alias", name]
        subprocess.run(command, check=True, capture_output=True)
    return store, pem


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of its own whose second listener asks for TLS and a login."""
    assert shutil.which("keytool"), "the TLS tests need keytool, which comes with a JDK"
    home = tmp_path_factory.mktemp("tls")
    store, _ = certificate(home, "broker")
    certificate(home, "other")
    settings = {
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL",
        "listener.name.sasl.ssl.keystore.type": "PKCS12",
        "listener.name.sasl.ssl.keystore.location": str(store),
        "listener.name.sasl.ssl.keystore.password": PASSWORD,
        "listener.name.sasl.ssl.key.password": PASSWORD,
    }
    own = Broker(home, settings=settings)
    own.start()
    try:
        yield own
    finally:
        own.stop()


def login(monkeypatch: pytest.MonkeyPatch, trusted: Path) -> None:
    """Set what a login over TLS needs; ``trusted`` is the certificate that is believed."""
    for name, value in {
        "SECURITY_PROTOCOL": "SASL_SSL",
        "SASL_MECHANISM": "SCRAM-SHA-512",
        "SASL_USERNAME": USER,
        "SASL_PASSWORD": PASSWORD,
        "SSL_CA_FILE": str(trusted),
    }.items():
        monkeypatch.setenv(f"COMMISSIONS_KAFKA_{name}", value)


def test_facts_come_in_over_tls(
    broker: Broker, commissions: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a login, as a broker that others can reach asks for."""
    admin = KafkaAdminClient(bootstrap_servers=broker.address)
    admin.create_topics([NewTopic("billing", 1, 1)])
    admin.close()
    with Producer(broker.address) as producer:
        producer.structured("billing", activation("c-1", AT))
    login(monkeypatch, broker.home / "broker.pem")
    outcome = commissions.done(
        *("consume", "--bootstrap-servers", f"127.0.0.1:{broker.sasl_port}"),
        *("--topic", "billing", "--until-idle", "0.5", "--format", "json"),
    )
    assert outcome.json["accepted"] == 1


@pytest.mark.usefixtures("commissions")
def test_a_broker_that_is_not_trusted_is_not_spoken_to(
    broker: Broker,
    ledger_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that has another certificate than the one believed gets no password."""
    login(monkeypatch, broker.home / "other.pem")
    # In a process of its own: kafka-python leaves sockets open whose handshake failed.
    command = [
        *(sys.executable, "-m", "interfaces.cli.main"),
        *("consume", "--bootstrap-servers", f"127.0.0.1:{broker.sasl_port}", "--topic", "billing"),
        *("--database", ledger_database_url),
    ]
    refused = subprocess.run(command, check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "COMMISSIONS_KAFKA_" in refused.stderr
    assert PASSWORD not in refused.stderr + refused.stdout
