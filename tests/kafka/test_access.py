"""Logging in at a broker that asks who is there; secrets stay secret."""

from __future__ import annotations

import base64
import json
import pickle
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from interfaces.kafka import access
from interfaces.settings import Settings, WrongSettings
from ledger.ingest import beside
from ledger.ingest.decoding import WORTH_A_PROCESS
from ledger.ingest.kafka.fetching import Fetching
from tests.faults.consuming import until
from tests.interfaces.commands import Commands
from tests.kafka.broker import PASSWORD, USER
from tests.kafka.producing import Producer, activation
from tests.kafka.topics import Topics

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)


def unsigned_token() -> str:
    """A token as the broker's development mode takes it."""

    def part(members: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip("=")

    now = int(time.time())
    return f"{part({'alg': 'none'})}.{part({'sub': USER, 'iat': now, 'exp': now + 600})}."


def login(monkeypatch: pytest.MonkeyPatch, mechanism: str, **more: str) -> None:
    """Set what a login needs."""
    settings = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": mechanism, **more}
    for name, value in settings.items():
        monkeypatch.setenv(f"COMMISSIONS_KAFKA_{name.upper()}", value)


@pytest.fixture(params=["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
def _login(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a login needs, with each mechanism."""
    if request.param == "OAUTHBEARER":
        file = tmp_path / "token"
        file.write_text(f"{unsigned_token()}\n", encoding="utf-8")
        login(monkeypatch, request.param, sasl_token_file=str(file))
    else:
        login(monkeypatch, request.param, sasl_username=USER, sasl_password=PASSWORD)


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("_login")
def test_a_worker_logs_in(commissions: Commands, topics: Topics, sasl_broker: str) -> None:
    """On the broker itself."""
    topic = topics.new()
    with Producer(topics.address) as producer:
        producer.structured(topic, activation("c-1", AT))
    outcome = commissions.done(
        *("consume", "--bootstrap-servers", sasl_broker, "--topic", topic),
        *("--group", topics.group, "--until-idle", "0.5", "--format", "json"),
    )
    assert outcome.json["accepted"] == 1


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("_login")
def test_so_does_the_process_that_fetches_for_it(
    sasl_broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes requests once the broker has let it in."""
    monkeypatch.setattr(beside, "spare_core", lambda: True)
    with Fetching(access(Settings(), [sasl_broker])) as fetching:
        fetching._beside.count(WORTH_A_PROCESS)
        until(lambda: fetching._beside.ready is not None)


@pytest.mark.parametrize("name", ["token", "token_file"])
def test_a_token_is_told_to_another_process(name: str, tmp_path: Path) -> None:
    """Whether it is given, or a file that holds it."""
    file = tmp_path / "token"
    file.write_text("t0ken\n", encoding="utf-8")
    settings = Settings.model_validate(
        {
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "OAUTHBEARER",
            f"kafka_sasl_{name}": "t0ken" if name == "token" else str(file),
        }
    )
    made = pickle.loads(pickle.dumps(access(settings, ["one:9092"])))  # noqa: S301 - ours
    assert made.arguments()["sasl_oauth_token_provider"].token() == "t0ken"


@pytest.mark.timeout(120)
def test_a_wrong_password_is_refused_and_in_no_log(
    commissions: Commands,
    sasl_broker: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line says what to put right, and not what was wrong with it."""
    secret = "correct-horse-battery"  # noqa: S105 - made up
    login(monkeypatch, "SCRAM-SHA-512", sasl_username=USER, sasl_password=secret)
    caplog.set_level("DEBUG")
    outcome = commissions("consume", "--bootstrap-servers", sasl_broker, "--topic", "any")
    assert outcome.status == 1
    assert "COMMISSIONS_KAFKA_" in outcome.err
    assert secret not in outcome.err + str(outcome.log) + caplog.text


def test_what_a_login_lacks_is_named() -> None:
    """Before anything is tried."""
    for given, missing in [
        ({}, "SASL_MECHANISM"),
        ({"kafka_sasl_mechanism": "PLAIN"}, "SASL_USERNAME"),
        ({"kafka_sasl_mechanism": "PLAIN", "kafka_sasl_username": "u"}, "SASL_PASSWORD"),
        ({"kafka_sasl_mechanism": "OAUTHBEARER"}, "SASL_TOKEN_FILE"),
    ]:
        settings = Settings.model_validate({"kafka_security_protocol": "SASL_SSL", **given})
        with pytest.raises(WrongSettings, match=f"COMMISSIONS_KAFKA_{missing}"):
            access(settings, ["broker:9092"])


def test_secrets_are_in_no_repr() -> None:
    """Neither of the settings nor of what is made of them; TLS takes its files."""
    settings = Settings.model_validate(
        {
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_sasl_username": "ledger",
            "kafka_sasl_password": "s3cret",
            "kafka_ssl_key_password": "s3cret",
            "kafka_ssl_ca_file": "/etc/ca.pem",
        }
    )
    made = access(settings, ["one:9092, two:9092", "three:9092"])
    assert "s3cret" not in repr(settings) + repr(made)
    arguments = made.arguments()
    assert arguments["bootstrap_servers"] == ["one:9092", "two:9092", "three:9092"]
    assert {arguments["sasl_plain_password"], arguments["ssl_password"]} == {"s3cret"}
    assert arguments["ssl_cafile"] == "/etc/ca.pem"
