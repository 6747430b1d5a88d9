"""Rankings and badges as they are shown (D12): recorded ones as recorded, open ones computed."""

from __future__ import annotations

from psycopg import sql

from projections.balances import CURRENCY, PARTNER
from projections.definition import STATE, Column, ReadModel, fill

_RANKED = (
    Column("programme", "text", "The programme whose partners are ranked."),
    Column("rank", "bigint", "Place, from 1."),
    PARTNER,
    Column("clients", "bigint", "Counted clients."),
    Column("prize", "numeric", "Amount of the prize posted for the place, in minor units."),
    CURRENCY,
    Column("position", "bigint", "Position of the recorded ranking; null while it is open."),
)

LEADERBOARD = ReadModel(
    name="leaderboard",
    comment="Partners by the clients counted in a quarter: as recorded, else computed (D12.1).",
    columns=(
        Column("quarter", "text", "Quarter of the counting day, such as 2026Q1."),
        *_RANKED,
    ),
    order_by=("quarter", "programme", "rank"),
)

STANDINGS = ReadModel(
    name="standings",
    comment="Partners by all clients counted up to a day: as recorded, else computed (D12.3).",
    columns=_RANKED,
    order_by=("programme", "rank"),
)

BADGES = ReadModel(
    name="badges",
    comment="The badges of each partner (D12.2).",
    columns=(
        PARTNER,
        Column("badge", "text", "pioneer, rocket, diamond or centurion."),
        Column("day", "date", "The counting day that reached it."),
        Column("position", "bigint", "Position of the BadgeAwarded."),
    ),
)

RANKING_PLACES = ReadModel(
    name="ranking_places",
    comment="Every place of every recorded ranking with its prize (D12).",
    columns=(
        Column("counts", "text", "quarter, year or contest."),
        Column("ranking", "text", "The quarter, year or contest."),
        *_RANKED,
    ),
    order_by=("position", "rank"),
)

ASSIGNED_PROGRAMMES = ReadModel(
    name="assigned_programmes",
    comment="Who is under which programme from when, where it is not the first adopted (D7.3).",
    columns=(
        PARTNER,
        Column("programme", "text", "The programme."),
        Column("day", "date", "The first day under it."),
        Column("position", "bigint", "Position of the ProgrammeAssigned."),
    ),
)

_FIRST_PROGRAMME = """
(
    SELECT :state ->> 'programme'
    FROM :events
    WHERE :known
        AND originator_id = 'ledger'
        AND topic = 'programme.adopted/1'
    ORDER BY position
    LIMIT 1
)
"""


def relations(
    events: sql.Composable, scope: sql.Composable, known: sql.Composable
) -> dict[str, sql.Composable]:
    """Return what rankings read beside the clients.

    ``scope`` limits the events on both axes, ``known`` by position alone: the programme first
    adopted holds on every day.
    """
    return {
        "ranking_places": sql.SQL("({})").format(RANKING_PLACES.select(events, scope)),
        "assigned_programmes": sql.SQL("({})").format(ASSIGNED_PROGRAMMES.select(events, scope)),
        "first_programme": fill(
            _FIRST_PROGRAMME, {"events": events, "known": known, "state": STATE}
        ),
    }
