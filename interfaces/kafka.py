"""How Kafka is reached by the settings of this process; checked before anything is tried."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from interfaces.settings import PREFIX, Settings, WrongSettings
from ledger.ingest.kafka.access import Access


def access(settings: Settings, servers: Sequence[str]) -> Access:
    """The cluster at some addresses (``host:port``, several in one by commas).

    Raises WrongSettings, naming the variable that is missing.
    """
    addresses = [part.strip() for server in servers for part in server.split(",") if part.strip()]
    if not addresses:
        raise WrongSettings("--bootstrap-servers is empty; give one as host:port")
    given = Access(
        addresses,
        protocol=settings.kafka_security_protocol,
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_sasl_username,
        password=_revealed(settings.kafka_sasl_password),
        token=_token(settings),
        ca_file=_path(settings.kafka_ssl_ca_file),
        certificate_file=_path(settings.kafka_ssl_certificate_file),
        key_file=_path(settings.kafka_ssl_key_file),
        key_password=_revealed(settings.kafka_ssl_key_password),
    )
    if given.protocol.startswith("SASL"):
        _check_login(given)
    return given


def worker_name() -> str:
    """This process as the ledger's table of places names it: ``host:pid``."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _check_login(given: Access) -> None:
    if given.mechanism is None:
        raise _missing("SASL_MECHANISM", "PLAIN, SCRAM-SHA-512 or OAUTHBEARER")
    if given.mechanism == "OAUTHBEARER":
        if given.token is None:
            raise _missing("SASL_TOKEN_FILE", "the file that holds the token")
    elif given.username is None:
        raise _missing("SASL_USERNAME", "the user")
    elif given.password is None:
        raise _missing("SASL_PASSWORD", "the user's password")


def _missing(name: str, what: str) -> WrongSettings:
    return WrongSettings(f"{PREFIX}KAFKA_{name} is not set; it says {what}")


def _token(settings: Settings) -> Callable[[], str] | None:
    file, secret = settings.kafka_sasl_token_file, settings.kafka_sasl_token
    if file is not None:
        return partial(_read_token, file)
    return secret.get_secret_value if secret is not None else None


def _read_token(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _path(path: Path | None) -> str | None:
    return str(path) if path is not None else None
