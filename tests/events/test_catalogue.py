"""The catalogue holds every type of the wire, and each class can be read back."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

import events
from events.base import Event, Value
from events.catalogue import CATALOGUE, COMMANDS, DECISIONS, FACTS, TOPICS

WIRE = """
partner.enrolled partner.agreement_signed partner.agreement_ended partner.certified
partner.nps_reported partner.portfolio_reported partner.comarketing_invested
partner.white_label_granted partner.white_label_revoked partner.territory_granted
lead.captured lead.converted referral.registered demo.held trial.started trial.ended
client.activated client.plan_changed client.churned client.usage_reported client.nps_reported
invoice.paid invoice.refunded payout.settled payout.failed wholesale.settled
training.completed portal.visited resource.downloaded cost.recorded
"""
OWN = """
programme.adopted partner.programme_assigned ledger.opened partner.opened accrual.run
period.closed payout.run payout.held payout.released adjustment.posted credit.posted
attribution.assigned fact.retracted decision.resolved partner.corrected
ingest.gap_accepted
command.proposed proposal.approved proposal.rejected document.read
"""
CLASSES = sorted(CATALOGUE.values(), key=lambda cls: cls.topic())


def test_every_type_of_the_wire_is_a_fact() -> None:
    """No more and no fewer than the wire's table."""
    assert {type_ for type_, _ in FACTS} == set(WIRE.split())


def test_every_command_of_finance_is_there() -> None:
    """No more and no fewer than the wire's list."""
    assert {type_ for type_, _ in COMMANDS} == set(OWN.split())


def test_an_event_is_a_fact_a_command_or_a_decision() -> None:
    """Nothing is two of them, or none."""
    assert len(FACTS) + len(COMMANDS) + len(DECISIONS) == len(CATALOGUE) == len(TOPICS)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.topic())
def test_a_class_is_frozen_strict_and_closed(cls: type[Event]) -> None:
    """No coercion, no unknown member, no change afterwards."""
    for model in [cls, *_values_in(cls)]:
        assert model.model_config["frozen"]
        assert model.model_config["strict"]
        assert model.model_config["extra"] == "forbid"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.topic())
def test_what_may_be_null_may_be_absent(cls: type[Event]) -> None:
    """State holds no nulls, so a member that may be null must read back when it is not there."""
    for model in [cls, *_values_in(cls)]:
        for name, field in model.model_fields.items():
            if type(None) in get_args(field.annotation):
                assert not field.is_required(), f"{model.__name__}.{name} needs a default of None"


def test_every_command_says_who_ran_it() -> None:
    """Each carries its operator (wire)."""
    for cls in COMMANDS.values():
        assert cls.model_fields["operator"].is_required()


def test_every_class_says_what_it_is() -> None:
    """The docstring is the description in the schema."""
    for cls in CLASSES:
        assert cls.__doc__, f"{cls.__name__} needs a docstring"


def test_the_vocabulary_imports_only_pydantic_and_orjson() -> None:
    """Besides the standard library, and nothing of the rooms to its right."""
    for path in Path(*events.__path__).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            for name in names:
                root = name.partition(".")[0]
                known = root in sys.stdlib_module_names
                assert known or root in {"events", "pydantic", "orjson"}, f"{path.name}: {name}"
                assert root not in {"time", "random", "socket"}, f"{path.name}: {name}"


def _values_in(cls: type[BaseModel]) -> list[type[Value]]:
    names = cls.model_json_schema().get("$defs", {})
    return [value for value in Value.__subclasses__() if value.__name__ in names]
