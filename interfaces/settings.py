"""What a person or an operator may set, from the environment (``COMMISSIONS_…``)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from events.advice import first_problem
from ledger.errors import NotReady

PREFIX = "COMMISSIONS_"


class WrongSettings(NotReady):
    """A variable of the environment that cannot be used."""


class Settings(BaseSettings):
    """The settings of one process; a command's options override them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    database_url: SecretStr | None = None
    """The PostgreSQL (15 or later) to use; none means the embedded one. May hold a password."""

    home: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("commission-ledger", appauthor=False)
    )
    """Where the embedded PostgreSQL and its locks live."""

    locale: Literal["fr", "en"] = "en"
    """How tables write money: ``1 234,56 €`` or ``€1,234.56``."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is logged."""

    log_format: Literal["auto", "console", "json"] = "auto"
    """``auto``: for people on a terminal, JSON elsewhere."""

    max_days_ahead: int = Field(default=400, ge=0, le=36_500)
    """How many days after its receipt a fact may lie; beyond, its year is taken for mistyped."""

    batch_size: int = Field(default=5_000, ge=1, le=50_000)
    """The most facts that one transaction takes."""

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the broker is talked to."""

    kafka_sasl_mechanism: (
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None
    ) = None
    """How we say who we are, where the protocol begins with SASL."""

    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    """Who we are, for PLAIN and SCRAM."""

    kafka_sasl_token: SecretStr | None = None
    """The token of OAUTHBEARER, if it never changes."""

    kafka_sasl_token_file: Path | None = None
    """A file with the token, read again for each connection: for tokens that are renewed."""

    kafka_ssl_ca_file: Path | None = None
    """The authorities trusted with the broker's certificate (PEM); none: the system's."""

    kafka_ssl_certificate_file: Path | None = None
    kafka_ssl_key_file: Path | None = None
    kafka_ssl_key_password: SecretStr | None = None
    """Our own certificate and its key (PEM), where the broker asks for one."""

    dead_letter_days: int = Field(default=90, ge=1, le=36_500)
    """After how many days ``dead-letters expire`` erases what a message held."""

    checkpoint_key_file: Path | None = None
    """The file of the key that checkpoints are signed with, of mode 0600; more lines, more keys."""

    checkpoint_key: SecretStr | None = None
    """The key itself, instead of a file."""

    kafka_session_timeout_ms: int = Field(default=10_000, ge=1_000, le=1_800_000)
    """After so long without a sign a worker is taken for dead, and others take over."""

    kafka_max_poll_interval_ms: int = Field(default=300_000, ge=1_000)
    """A worker that records one batch for longer leaves its partitions to others."""

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()


def load() -> Settings:
    """Read the settings of this process; raises :class:`WrongSettings`, naming the variable."""
    try:
        return Settings()
    except ValidationError as error:
        place, message = first_problem(error)
        name = PREFIX + "_".join(map(str, place)).upper()
        raise WrongSettings(f"{name}: {message}; correct or unset it") from None
