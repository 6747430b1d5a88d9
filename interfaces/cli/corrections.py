"""Finance's word on holders, facts, what rested on them and enrolments, by two persons."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import click

from interfaces.cli.command import Command
from interfaces.cli.options import CODE, DAY, IDENTIFIER, Whole, format_option, two_persons
from interfaces.cli.output import Format, write_result
from interfaces.cli.proposed import write_proposed
from interfaces.cli.session import Session
from ledger.engine.approvals import Proposed

KINDS = ("referral", "reseller", "tech", "oem")


class OrNone(click.ParamType[str]):
    """An id or code, or ``none``: the empty text. What is itself called so is ``id:none``."""

    def __init__(self, of: click.ParamType[str]) -> None:
        """``of`` reads what is named."""
        self._of = of
        self.name = of.name

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the name."""
        if value == "none":
            return ""
        return self._of.convert(value.removeprefix("id:"), param, ctx)


@click.command(cls=Command)
@click.argument("client", type=IDENTIFIER)
@click.option("--partner", type=IDENTIFIER, help="The partner that holds it from that day on.")
@click.option("--direct", is_flag=True, help="No partner holds it from that day on.")
@click.option("--from", "from_day", type=DAY, required=True, help="After the last accrued day.")
@click.option("--reason", type=CODE, required=True, help="A code, never free text.")
@two_persons
@format_option
@click.pass_obj
def assign(  # noqa: PLR0913 - one for each option
    session: Session,
    *,
    client: str,
    partner: str | None,
    direct: bool,
    from_day: date,
    reason: str,
    requested_by: str,
    approved_by: str,
    format_: Format,
) -> None:
    """Give CLIENT to a partner, or to none, from a day on, whatever was claimed."""
    if direct == (partner is not None):
        raise click.UsageError("name a --partner, or give --direct")
    with session.ledger() as ledger:
        position = ledger.assign(
            client_id=client,
            partner_id=partner,
            from_day=from_day,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
        )
    if isinstance(position, Proposed):
        write_proposed(session, format_, position)
        return
    session.line.add(position=position)
    result = {"position": position, "client_id": client, "partner_id": partner, "from": from_day}
    holder = f"{partner} holds" if partner is not None else "nobody holds"
    write_result(result, format_, f"{holder} {client} from {from_day} on, position {position}")


@click.command(cls=Command)
@click.argument("source")
@click.argument("id_", metavar="ID")
@click.option("--reason", type=CODE, required=True, help="A code, never free text.")
@two_persons
@format_option
@click.pass_obj
def retract(
    session: Session,
    *,
    source: str,
    id_: str,
    reason: str,
    requested_by: str,
    approved_by: str,
    format_: Format,
) -> None:
    """Void the fact ID of SOURCE, which was never true; the next run takes back what it gave."""
    with session.ledger() as ledger:
        position = ledger.retract(
            source=source,
            id=id_,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
        )
    if isinstance(position, Proposed):
        write_proposed(session, format_, position)
        return
    session.line.add(position=position)
    result = {"position": position, "source": source, "id": id_}
    write_result(result, format_, f"retracted {id_} of {source}, position {position}")


@click.command(cls=Command)
@click.argument("position", type=Whole(1))
@click.option("--reason", type=CODE, required=True, help="A code, never free text.")
@two_persons
@format_option
@click.pass_obj
def resolve(
    session: Session,
    *,
    position: int,
    reason: str,
    requested_by: str,
    approved_by: str,
    format_: Format,
) -> None:
    """Say that finance has looked at what `commissions unresolved` lists at POSITION.

    A decision that a retraction left standing, a period that is finance's to settle, or a flagged
    payment; facts that wait are settled by what they wait for, or retracted.
    """
    with session.ledger() as ledger:
        done = ledger.resolve(
            decision=position, reason=reason, requested_by=requested_by, approved_by=approved_by
        )
    if isinstance(done, Proposed):
        write_proposed(session, format_, done)
        return
    session.line.add(position=done)
    result = {"position": done, "decision": position, "reason": reason}
    write_result(result, format_, f"resolved {position}, position {done}")


@click.command("correct-partner", cls=Command)
@click.argument("partner", type=IDENTIFIER)
@click.option("--kind", type=click.Choice(KINDS), help="Its kind.")
@click.option("--founding", type=click.Choice(["true", "false"]), help="Whether it is founding.")
@click.option("--sponsor", type=OrNone(IDENTIFIER), help="The partner that brought it, or none.")
@click.option("--department", type=OrNone(CODE), help="Its department, or none.")
@two_persons
@format_option
@click.pass_obj
def correct_partner(  # noqa: PLR0913 - one for each option
    session: Session,
    *,
    partner: str,
    kind: Literal["referral", "reseller", "tech", "oem"] | None,
    founding: str | None,
    sponsor: str | None,
    department: str | None,
    requested_by: str,
    approved_by: str,
    format_: Format,
) -> None:
    """Replace what the enrolment of PARTNER said, for what is decided later.

    What is itself called none is written id:none.
    """
    members: dict[str, Any] = {
        "kind": kind,
        "founding": None if founding is None else founding == "true",
        "sponsor_id": sponsor or None,
        "department": department or None,
    }
    cleared: list[Literal["sponsor_id", "department"]] = []
    if sponsor == "":
        cleared.append("sponsor_id")
    if department == "":
        cleared.append("department")
    if not cleared and all(value is None for value in members.values()):
        raise click.UsageError("say what to correct: --kind, --founding, --sponsor, --department")
    with session.ledger() as ledger:
        position = ledger.correct_partner(
            partner_id=partner,
            **members,
            cleared=cleared,
            requested_by=requested_by,
            approved_by=approved_by,
        )
    session.line.add(position=position)
    result = {"position": position, "partner_id": partner, "cleared": cleared}
    given = {name: value for name, value in members.items() if value is not None}
    told = f"corrected {partner}, position {position}"
    if sponsor:
        told += f"; whether {sponsor} is its sponsor says: commissions explain {position}"
    write_result({**result, **given}, format_, told)
