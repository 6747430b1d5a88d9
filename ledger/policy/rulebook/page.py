"""The catalogue as a page of the documents: ``docs/rules.md``."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.policy.files import REFERENCE, load
from ledger.policy.rulebook.parameters import keys, values
from ledger.policy.rulebook.rules import Example, Rule, beside, prose, rules

NOTHING = "–"
"""What stands for a key that a programme does not have."""


def page() -> str:
    """The whole page, Markdown."""
    sections = [prose("opening"), *map(_section, rules()), prose("closing"), _table()]
    return "\n".join(sections)


def shown(said: Sequence[str]) -> str:
    """What a programme says of a key, of several tables in their order."""
    return " / ".join(said) or NOTHING


def _section(rule: Rule) -> str:
    blocks = [f"{'#' * (2 + rule.depth)} {rule.number} {rule.title}\n", rule.text]
    if rule.parameters:
        said = values(load(REFERENCE).document())
        rows = [
            f"| `{key}` | `{shown(said.get(key, ()))}` | {meaning} |\n"
            for key, meaning in rule.parameters.items()
        ]
        blocks.append("| parameter | reference | meaning |\n|---|---|---|\n" + "".join(rows))
    blocks.extend(map(_example, rule.examples))
    return "\n".join(blocks)


def _example(example: Example) -> str:
    path, _, name = example.test.partition("::")
    return (
        f"> *Given* {example.given}, *when* {example.when}, *then* {example.then}."
        f" [{name}](../{path})\n"
    )


def _table() -> str:
    homes = {key: rule.number for rule in rules() for key in rule.parameters}
    homes |= beside()
    said = values(load(REFERENCE).document())
    rows = [f"| `{key}` | `{shown(said.get(key, ()))}` | {homes[key]} |\n" for key in keys()]
    return (
        "## The programme's parameters\n\n"
        "Every key of a programme file, its value in the reference programme (of several tables in"
        " their order;\nabsent ones left out), and its rule. Amounts are minor units of"
        " `currency`, rates are quoted decimals,\ndays are TOML dates. A whole table that is absent"
        " does not exist in that programme.\n\n"
        "| key | reference | rule |\n|---|---|---|\n" + "".join(rows)
    )
