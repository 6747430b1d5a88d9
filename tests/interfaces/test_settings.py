"""The settings: what the environment says, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from interfaces import settings


def test_nothing_set_gives_the_embedded_database_in_the_users_directory() -> None:
    """A newcomer sets nothing."""
    found = settings.load()
    assert found.database_url is None
    assert found.home.name == "commission-ledger"
    assert found.home.is_absolute()
    assert found.locale == "en"


def test_the_environment_is_read_with_one_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting has one variable."""
    monkeypatch.setenv("COMMISSIONS_DATABASE_URL", "postgresql://u:hidden@db/x")
    monkeypatch.setenv("COMMISSIONS_HOME", "~/ledger")
    monkeypatch.setenv("COMMISSIONS_LOCALE", "fr")
    found = settings.load()
    assert found.database_url is not None
    assert found.database_url.get_secret_value() == "postgresql://u:hidden@db/x"
    assert "hidden" not in repr(found)
    assert found.home == Path.home() / "ledger"
    assert found.locale == "fr"


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that exports an empty variable sets nothing."""
    monkeypatch.setenv("COMMISSIONS_DATABASE_URL", "")
    assert settings.load().database_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMMISSIONS_LOCALE", "klingon"),
        ("COMMISSIONS_BATCH_SIZE", "0"),
        ("COMMISSIONS_MAX_DAYS_AHEAD", "soon"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The message names the variable to correct."""
    monkeypatch.setenv(name, value)
    with pytest.raises(settings.WrongSettings, match=name):
        settings.load()
