"""Makes facts as lines of the wire, about 500 bytes each, the same ones every time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from random import Random

import orjson

LINE_BYTES = 500
"""What every line is filled up to, by an extension attribute as tracing systems add it."""

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""The instant of the first fact of the mix."""

RECEIVED = datetime(2026, 12, 31, tzinfo=UTC)
"""When all facts are received: a run does not depend on the day on which it is made."""

PLANS = (("starter", 5900), ("growth", 14900), ("scale", 39900))

MIX = (
    ("referral.registered", 12),
    ("client.activated", 12),
    ("client.plan_changed", 8),
    ("client.churned", 3),
    ("client.usage_reported", 35),
    ("client.nps_reported", 5),
    ("portal.visited", 10),
    ("resource.downloaded", 8),
    ("training.completed", 4),
    ("partner.nps_reported", 3),
)
"""Per cent of each type in the realistic mix: a third decides something, the rest is engagement."""

_SOURCES = {
    "client": "/billing",
    "referral": "/crm",
    "partner": "/partners",
    "portal": "/portal",
    "resource": "/portal",
    "training": "/academy",
}

Data = dict[str, str | int | bool]


class World:
    """A partner programme that tells what happens in it, drawn from a seed.

    Shares of the partners in the clients fall as 1 / (rank + 10), so that with 600 partners the
    first has about 2 % of them; ``giant`` is a further partner with that share of all.
    """

    def __init__(self, partners: int, *, seed: int = 1, giant: float = 0.0) -> None:
        self._draw = Random(seed)  # noqa: S311 - lots, not secrets
        self.partners = [f"p-{number:05d}" for number in range(partners)]
        self.giant = "p-giant"
        self._giant_share = giant
        self._shares = list(accumulate(1 / (rank + 10) for rank in range(partners)))
        self._told = 0
        self._clients = 0
        self._referred: deque[tuple[str, str]] = deque()
        self._active: list[str] = []

    def enrolments(self) -> list[bytes]:
        """Enrol every partner, a month before anything else."""
        names = [*self.partners, *([self.giant] if self._giant_share else [])]
        at = START - timedelta(days=40)
        return [
            self._line("partner.enrolled", at, {"partner_id": name, "kind": "referral"})
            for name in names
        ]

    def activations(self, clients: int) -> Iterator[bytes]:
        """Activate new clients of partners in January 2026, monthly, for an accrual to find.

        One of a hundred begins on the 20th, the others on one of the first ten days.
        """
        for number in range(clients):
            day = 20 if number % 100 == 0 else 1 + number % 10
            client = self._new_client()
            self._active.append(client)
            yield self._activation(client, self._partner(), _morning(date(2026, 1, day)))

    def changes(self, day: date) -> list[bytes]:
        """Change the plan of one of a hundred clients that began early in a month."""
        at = _morning(day)
        return [self._change(client, at) for client in self._active[1::100]]

    def mix(self, facts: int) -> Iterator[bytes]:
        """Tell the realistic mix, of new clients and of those known already."""
        types = [type_ for type_, _ in MIX]
        weights = list(accumulate(weight for _, weight in MIX))
        for type_ in self._draw.choices(types, cum_weights=weights, k=facts):
            at = START + timedelta(seconds=20 * self._told)
            yield self._fact(type_, at)

    def _fact(self, type_: str, at: datetime) -> bytes:
        if type_ == "referral.registered" or (type_ == "client.activated" and not self._referred):
            client, partner = self._new_client(), self._partner()
            self._referred.append((client, partner))
            data: Data = {"client_id": client, "partner_id": partner, "via": "link"}
            return self._line("referral.registered", at, data)
        if type_ == "client.activated":
            client, partner = self._referred.popleft()
            self._active.append(client)
            return self._activation(client, None, at)
        if type_.startswith("client.") and self._active:
            client = self._draw.choice(self._active)
            if type_ == "client.plan_changed":
                return self._change(client, at)
            if type_ == "client.churned":
                return self._line(type_, at, {"client_id": client, "reason": "price"})
            if type_ == "client.nps_reported":
                return self._line(type_, at, {"client_id": client, "score": 40})
            used = self._draw.randrange(101)
            return self._line(type_, at, {"client_id": client, "features_used": used})
        return self._engagement(type_, at)

    def _engagement(self, type_: str, at: datetime) -> bytes:
        data: Data = {"partner_id": self._draw.choice(self.partners)}
        if type_ == "resource.downloaded":
            data["resource"] = "pitch-deck-2026"
        elif type_ == "training.completed":
            data["course"] = "sales-101"
        elif type_ == "partner.nps_reported":
            data["score"] = self._draw.randrange(-100, 101)
        else:
            type_ = "portal.visited"
        return self._line(type_, at, data)

    def _activation(self, client: str, partner: str | None, at: datetime) -> bytes:
        plan, price = self._draw.choice(PLANS)
        data: Data = {"client_id": client, "plan": plan, "price": price, "currency": "EUR"}
        if partner is not None:
            data["partner_id"] = partner
        return self._line("client.activated", at, data)

    def _change(self, client: str, at: datetime) -> bytes:
        plan, price = self._draw.choice(PLANS)
        data: Data = {"client_id": client, "plan": plan, "price": price, "currency": "EUR"}
        return self._line("client.plan_changed", at, data)

    def _new_client(self) -> str:
        self._clients += 1
        return f"c-{self._clients:08d}"

    def _partner(self) -> str:
        if self._giant_share and self._draw.random() < self._giant_share:
            return self.giant
        return self._draw.choices(self.partners, cum_weights=self._shares)[0]

    def _line(self, type_: str, at: datetime, data: Data) -> bytes:
        self._told += 1
        number = f"{self._told:012d}"
        envelope = {
            "specversion": "1.0",
            "id": f"evt-{number}",
            "source": _SOURCES[type_.partition(".")[0]],
            "type": type_,
            "subject": str(data.get("client_id") or data.get("partner_id")),
            "time": at.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "traceparent": f"00-{number:0>32}-{number:0>16}-01",
            "data": data,
        }
        short = len(orjson.dumps(envelope)) + len(b',"tracestate":""')
        envelope["tracestate"] = "x" * max(0, LINE_BYTES - short)
        return orjson.dumps(envelope)


def _morning(day: date) -> datetime:
    return datetime.combine(day, time(8), UTC)
