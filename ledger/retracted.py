"""What was retracted of what a run takes.

What clients would be worth had nothing been (U of D9.5), and by whom payments count that were
retracted before (D18.3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from ledger.engine.commissions import Account
from ledger.engine.invoices import Paid, Replaced, paid_for, picture_of, replaced, unretracted
from ledger.engine.posted import Period, Posted
from ledger.engine.standing import (
    as_if_unretracted,
    counts_on,
    first_activation,
    terms_as_told,
)
from ledger.engine.state import Client, Invoice, Ledger, Partner, Run
from ledger.entities import Entities

_RETRACTED_INVOICES = """
SELECT DISTINCT originator_id
FROM {events}
WHERE topic = 'FactVoided/1'
    AND position <= %s
    AND originator_id >= 'invoice:'
    AND originator_id < 'invoice;'
"""

Folded = Callable[[list[str]], Mapping[str, object]]
"""Streams, folded up to a run."""


def replaced_payments(entities: Entities, run: Run, cursor: Cursor[Any]) -> Replaced:
    """By whom payments count, as of a run, that were retracted before: mostly by nobody."""
    query = sql.SQL(_RETRACTED_INVOICES).format(events=entities.table)
    with cursor.connection.cursor(row_factory=tuple_row) as own:
        streams = [stream for (stream,) in own.execute(query, (run.position,))]
    invoices = entities.folded(cursor, streams, run.position) if streams else {}
    return replaced(each for each in invoices.values() if isinstance(each, Invoice))


class RetractedClients:
    """The clients of a page of which something was retracted, and their invoices.

    ``clients`` are those with a retracted fact of their own, ``posted`` what is posted for all that
    are compared: of other clients, only what an invoice has lost can rest on a retraction.
    """

    def __init__(
        self,
        folded: Folded,
        clients: Iterable[str],
        posted: Mapping[tuple[str, str], Mapping[Period, Posted]],
        payments: Mapping[str, Sequence[Paid]],
    ) -> None:
        streams = [f"client:{client_id}" for client_id in sorted(set(clients))]
        entities = folded(streams) if streams else {}
        self._clients = {e.client_id: e for e in entities.values() if isinstance(e, Client)}
        self._invoices = _retracted_invoices(folded, self._clients, posted, payments)

    def __contains__(self, client_id: str) -> bool:
        """Whether anything about a client was retracted, a payment of it included."""
        return client_id in self._clients or client_id in self._invoices

    def compared(self, account: Account, ledger: Ledger, partner: Partner) -> Account:
        """A partner's account with what it would be had nothing been retracted."""
        client = self._clients.get(account.client_id)
        invoices = self._invoices.get(account.client_id, ())
        retracted = {fact: command for one in invoices for fact, command in one.voided.items()}
        other = account._replace(touched=True)
        if client is not None and client.unretracted is not None:
            retracted.update(client.voided)
            told = as_if_unretracted(client)
            counted_on = counts_on(ledger, partner, told)
            other = _as_if(other, told)._replace(counted_on=counted_on)
        if not retracted:
            return account
        if invoices:
            names = {one.invoice_id for one in invoices}
            kept = [p for p in account.payments if p.payment.invoice_id not in names]
            whole = [paid for one in invoices for paid in picture_of(unretracted(one)).paid]
            own = [paid for paid in whole if paid.payment.client_id == account.client_id]
            other = other._replace(payments=(*kept, *own))
        return account._replace(unretracted=other, retracted=retracted)


def _as_if(account: Account, client: Client) -> Account:
    held, first = client.attribution, first_activation(client)
    for_life = held if held is not None and held.live_through is None else None
    return account._replace(
        claimed_by=for_life.partner_id if for_life else None,
        claim=for_life.claim if for_life else 0,
        claimed_on=for_life.day if for_life else None,
        first_activated_on=first.day if first else None,
        terms=terms_as_told(client),
    )


def _retracted_invoices(
    folded: Folded,
    clients: Collection[str],
    posted: Mapping[tuple[str, str], Mapping[Period, Posted]],
    payments: Mapping[str, Sequence[Paid]],
) -> dict[str, list[Invoice]]:
    """The invoices, by client, that lost a payment that was posted, or some of it; of some all."""
    lost: set[tuple[str, str]] = set()
    for (client_id, _), periods in posted.items():
        # One told anew for another S is another period: of the first nothing is left.
        net = {paid_for(paid.payment): paid.net for paid in payments.get(client_id, ())}
        lost |= {
            (client_id, one.first.invoice_id)
            for period, one in periods.items()
            if one.first.invoice_id is not None
            and (client_id in clients or net.get(period, -1) < one.base)
        }
    streams = sorted({f"invoice:{invoice_id}" for _, invoice_id in lost})
    invoices = folded(streams) if streams else {}
    found: dict[str, list[Invoice]] = {}
    for client_id, invoice_id in sorted(lost):
        invoice = invoices.get(f"invoice:{invoice_id}")
        if isinstance(invoice, Invoice) and invoice.voided:
            found.setdefault(client_id, []).append(invoice)
    return found
