"""How a broker is reached, and who we are to it. Secrets are in no repr and in no log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kafka.net.sasl.oauth import AbstractTokenProvider

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


@dataclass(frozen=True, slots=True)
class Access:
    """One cluster, for consumers and producers alike.

    ``token`` gives a token of OAUTHBEARER whenever a connection is made; the files are PEM.
    """

    servers: Sequence[str]
    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: Callable[[], str] | None = field(default=None, repr=False)
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    key_password: str | None = field(default=None, repr=False)

    def arguments(self) -> dict[str, Any]:
        """The arguments of a client of kafka-python's; they hold the secrets."""
        given: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": self.protocol,
        }
        if self.protocol.endswith("SSL"):
            given |= {
                "ssl_cafile": self.ca_file,
                "ssl_certfile": self.certificate_file,
                "ssl_keyfile": self.key_file,
                "ssl_password": self.key_password,
            }
        if self.protocol.startswith("SASL"):
            given["sasl_mechanism"] = self.mechanism
            if self.mechanism == "OAUTHBEARER":
                assert self.token is not None
                given["sasl_oauth_token_provider"] = _Tokens(self.token)
            else:
                given["sasl_plain_username"] = self.username
                given["sasl_plain_password"] = self.password
        return given


class _Tokens(AbstractTokenProvider):  # type: ignore[misc]
    """Tokens for kafka-python: asked for at each connection, since a token ends."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def token(self) -> str:
        return self._token()
