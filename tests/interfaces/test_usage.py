"""Wrong usage: one line that says what to write, and off a terminal the log line before it."""

from __future__ import annotations

import json
import socket

import pytest

from interfaces.cli.main import main
from tests.interfaces.commands import Commands

PERSONS = ("--requested-by", "ann", "--approved-by", "bob")
FEC = ("export", "fec", "--year", "2026", "--out", "x")
ADJUST = ("adjust", "--partner", "p-alpha", "--reason", "error", *PERSONS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*ADJUST, "--currency", "EUR", "--amount", "5,00"), "such as -500 for -5.00"),
        ((*ADJUST, "--currency", "EUR", "--amount", "1e3"), "minor units as a whole number"),
        ((*ADJUST, "--currency", "EUX", "--amount", "1"), "did you mean EUR?"),
        ((*ADJUST, "--currency", "EUR", "--amount", "1", "--line", "0"), "number, 1 or more"),
        (("balances", "--position", "-1"), "a whole number, 0 or more"),
        (("balances", "--position", "x"), "a whole number, 0 or more"),
        (("dead-letters", "show", "x"), "a whole number, 1 or more"),
        (("resolve", "x", "--reason", "seen", *PERSONS), "a whole number, 1 or more"),
        (("leaderboard", "--year", "26.5"), "a whole number from 1 to 9999"),
        (("accrue", "--through", "31/01/2026"), "write it as YYYY-MM-DD"),
        (("accrue", "--through", "0001-01-01"), "write a later one"),
        (("open", "--day", "0001-01-01", *PERSONS), "write a later one"),
        (("explain", "--partner", "p-alpha", "--period", "0001-01"), "write it as YYYY-MM"),
        (("statement", "p-alpha", "--month", "9999-12"), "write it as YYYY-MM"),
        (("export", "fec", "--year", "1", "--out", "x"), "a whole number from 2 to 9999"),
        ((*FEC, "--rate", "CHF=1.05", "--rate", "CHF=1.06"), "CHF has two rates; give one"),
        ((*FEC, "--rate", "CHF=1e3"), "write it as CHF=1.0432"),
        ((*FEC, "--rate", "CHF=0.00"), "write it as CHF=1.0432"),
        ((*FEC, "--rate", "EUR=2"), "the books are in EUR; leave its rate out"),
        (("evidence", "--period", "2026-12..2026-11", "--out", "x"), "the earlier month first"),
        (("accrue",), "Missing option '--through'"),
        (("programme", "adpt"), "Did you mean 'adopt'?"),
        (("history",), "name one PARTNER, or give --all"),
        (("correct-partner", "p-alpha", *PERSONS), "say what to correct: --kind, --founding"),
        (("relay", "--bootstrap-servers", "a:x", "--topic", "t"), "'a:x' is no broker; write"),
        (("relay", "--bootstrap-servers", "a:65536", "--topic", "t"), "write HOST:PORT"),
        (
            ("consume", "--bootstrap-servers", "a:1, SSL://[::1]:y", "--topic", "t"),
            "'SSL://[::1]:y' is no broker",
        ),
        (("relay", "--bootstrap-servers", "x", "--topic", ""), "is no topic"),
        (("consume", "--bootstrap-servers", "x", "--topic", "a b"), "is no topic"),
        (
            ("consume", "--bootstrap-servers", "x", "--topic", "t", "--group", " "),
            "names no group",
        ),
        (
            ("consume", "--bootstrap-servers", "x", "--topic", "t", "--accept-gap", "t/0"),
            "write TOPIC/PARTITION@OFFSET",
        ),
        (
            ("relay", "--bootstrap-servers", "x", "--topic", "t", "--until-idle", "nan"),
            "write seconds, 0 or more",
        ),
        (
            ("consume", "--bootstrap-servers", "x", "--topic", "t", "--until-idle", "0"),
            "write seconds, more than 0",
        ),
        (
            ("consume", "--bootstrap-servers", "x", "--topic", "t", "--health-port", "70000"),
            "a whole number from 0 to 65535",
        ),
    ],
)
def test_wrong_usage_says_what_to_write(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    """Exit status 2, a log line, and one line for people; no database is touched."""
    assert main(["--database", "postgresql://127.0.0.1:1/none", *arguments]) == 2
    out, err = capsys.readouterr()
    log, line = err.splitlines()
    assert out == ""
    assert line.startswith("commissions: ")
    assert line.endswith("--help")
    assert told in line
    assert json.loads(log)["outcome"] == "failed"
    assert "p-alpha" not in log


def test_a_wrong_setting_is_told_in_plain_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable to correct; the log line is as it is without the settings."""
    monkeypatch.setenv("COMMISSIONS_LOG_LEVEL", "loud")
    assert main(["balances"]) == 1
    log, line = capsys.readouterr().err.splitlines()
    assert line == (
        "commissions: COMMISSIONS_LOG_LEVEL: must be 'debug', 'info', 'warning' or 'error';"
        " correct or unset it"
    )
    assert json.loads(log)["error"] == "WrongSettings"


def test_a_broker_that_is_not_there_is_told_once(
    adopted: Commands, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not each attempt to reach it, by the library's own log."""
    from ledger.ingest import publisher
    from ledger.ingest.kafka import log

    monkeypatch.setattr(log, "ASK_MS", 500)
    monkeypatch.setattr(publisher, "_CONNECT_MS", 500)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        told = adopted.refused("consume", "--bootstrap-servers", address, "--topic", "facts")
        unheard = adopted.refused("relay", "--bootstrap-servers", address, "--topic", "decisions")
    assert f"no broker at {address} lets us in" in told
    assert f"Unable to bootstrap from ['{address}']" in unheard
    assert [record for record in caplog.records if record.name.startswith("kafka")] == []


def test_what_a_command_may_not_hold_is_told_in_plain_words(billing: Commands) -> None:
    """After the options are read: by the member's name, and one log line in all."""
    credit = ("credit", "--partner", "p-alpha", "--currency", "EUR", "--reason", "gift", *PERSONS)
    refused = billing.refused(*credit, "--amount", "100")
    assert refused == "commissions: reason: must be 'fee', 'renewal' or 'goodwill'"
    outcome = billing(*ADJUST, "--currency", "EUR", "--amount", 10**16)
    assert outcome.err == f"commissions: amount: must be {10**15} or less"
    assert [line["outcome"] for line in outcome.log] == ["failed"]


def test_what_the_library_takes_for_a_broker_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Blanks after commas, IPv6 with and without a port, no port: the next option is asked for."""
    assert main(["relay", "--bootstrap-servers", "a:1, b ,[::1]:9092,::1,SSL://c:9093,"]) == 2
    assert "Missing option '--topic'" in capsys.readouterr().err
