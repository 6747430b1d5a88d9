"""Programme files: every problem with its line, and floats refused before they are rounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.policy import files
from ledger.policy.files import MAX_BYTES, REFERENCE, load, loads, packaged
from ledger.policy.problems import Problem, ProgrammeInvalid

SMALL = """\
name = "small"
title = "A small programme"
currency = "EUR"

[[tier]]
name = "referent"
year_1 = "0.20"
later = "0.10"
payout = "quarter"

[[tier]]
name = "certified"
year_1 = "0.25"
later = "0.15"
payout = "month"
[tier.requires]
nps_above = 40

[[tier]]
name = "strategic"
year_1 = "0.25"
later = "0.15"
payout = "month"
"""


def problems(text: str) -> list[Problem]:
    """What is wrong with a text."""
    with pytest.raises(ProgrammeInvalid) as refused:
        loads(text.encode(), "small.toml")
    return list(refused.value.problems)


def test_a_small_programme_is_enough() -> None:
    """What is not written does not exist in it, or has the rule's default."""
    programme = loads(SMALL.encode(), "small.toml")
    assert programme.name == "small"
    assert programme.attribution.window_days == 180
    assert programme.founding is None
    assert programme.sponsorship is None
    assert programme.contests == ()


@pytest.mark.parametrize("name", packaged())
def test_a_programme_of_the_package_is_known_by_its_name(name: str) -> None:
    """Each is valid, and says where its numbers come from if it is no copy of the reference."""
    assert load(name).name == name
    text = (Path(files.__file__).parent / "programmes" / f"{name}.toml").read_text(encoding="utf-8")
    assert "OURS" in text or name == REFERENCE


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    """With a byte order mark and the line ends of another system, too."""
    path = tmp_path / "small.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load(path) == load(str(path)) == loads(SMALL.encode(), "small.toml")


def test_every_problem_has_its_line() -> None:
    """All at once, in the order of the file."""
    text = (
        SMALL.replace('currency = "EUR"', 'currency = "EUX"')
        .replace('later = "0.10"', 'later = "1.10"')
        .replace("nps_above = 40", "nps_above = 400\nclients = 10")
        + '\n[[contest]]\ncode = "a"\nstart = 2026-01-31\nend = 2026-01-01\namount = -1\n'
        + '[per_ten]\neach = 10\nfrom = "certified"\n'
    )
    found = {problem.key: problem.line for problem in problems(text)}
    lines = text.split("\n")
    assert {key: lines[(line or 0) - 1] for key, line in found.items()} == {
        "currency": 'currency = "EUX"',
        "tier.0.later": 'later = "1.10"',
        "tier.1.requires.nps_above": "nps_above = 400",
        "tier.1.requires.clients": "clients = 10",
        "contest.0.end": "end = 2026-01-01",
        "contest.0.amount": "amount = -1",
        "per_ten.amount": "[per_ten]",
    }
    assert list(found.values()) == sorted(line or 0 for line in found.values())


@pytest.mark.parametrize("written", ["0.20", "2e-1", "nan", "inf", "-inf", "1.0"])
def test_a_float_is_refused_with_a_hint(written: str) -> None:
    """Even where its text would be a good rate: a file that says 0.20 has been rounded already."""
    [problem] = problems(SMALL.replace('year_1 = "0.20"', f"year_1 = {written}"))
    assert (problem.key, problem.line) == ("tier.0.year_1", 7)
    assert 'write rates in quotes: "0.20"' in problem.reason


def test_a_float_where_text_belongs_is_refused_too() -> None:
    """A float is kept as text until it is refused; it must not pass for a title."""
    [problem] = problems(SMALL.replace('title = "A small programme"', "title = 1.5"))
    assert (problem.key, problem.line) == ("title", 2)


def test_keys_within_inline_tables_lists_and_strings_find_a_line() -> None:
    """The nearest line that can be known; text that looks like a key is none."""
    text = SMALL + (
        "\n[leaderboard]\nprizes = [\n  200000,\n  -1,\n]\n"
        "[badges]\npioneer = 1\ndiamond = 50\ncenturion = 100\n"
        "rocket = { clients = 10, months = 0 }\n"
    )
    text = text.replace('title = "A small programme"', 'title = """a\nname = 3"""')
    found = {problem.key: problem.line for problem in problems(text)}
    lines = text.split("\n")
    assert lines[(found["leaderboard.prizes.1"] or 0) - 1] == "prizes = ["
    assert lines[(found["badges.rocket.months"] or 0) - 1].startswith("rocket")
    assert found["title"] == 2
    assert "name" not in found


def test_what_is_no_toml_names_its_line() -> None:
    """The reader's own words, and where."""
    [problem] = problems(SMALL + "[[tier\n")
    assert problem.line == SMALL.count("\n") + 1
    assert "is no TOML" in problem.reason


def test_a_key_twice_is_refused() -> None:
    """TOML has no last one wins."""
    [problem] = problems('name = "a"\nname = "b"\n')
    assert problem.line == 2


@pytest.mark.parametrize(
    "content",
    [
        b'name = "caf\xe9"\n',
        b"x" * (MAX_BYTES + 1),
        b"a = " + b"[" * 20_000,
        b"a = " + b"9" * 5_000,
        b"",
        b"name = 1\n\x00",
    ],
    ids=["latin-1", "large", "deep", "long", "empty", "control"],
)
def test_what_is_no_programme_is_refused_never_a_crash(content: bytes) -> None:
    """Whatever the bytes are, it is one error that says what to do."""
    with pytest.raises(ProgrammeInvalid, match=r"bad\.toml is no valid programme"):
        loads(content, "bad.toml")


def test_a_message_says_line_key_and_reason() -> None:
    """One line that a person can act on."""
    with pytest.raises(ProgrammeInvalid) as refused:
        loads(SMALL.replace('"EUR"', '"EUX"').encode(), "small.toml")
    assert "small.toml" in str(refused.value)
    assert "line 3: currency: " in str(refused.value)
    assert "ISO 4217" in str(refused.value)


def test_the_source_lines_of_the_reference_are_named() -> None:
    """Each number of the reference programme has a comment that says where it comes from."""
    path = Path(__file__).parents[2] / "ledger" / "policy" / "programmes" / "izyinbox.toml"
    for line in path.read_text(encoding="utf-8").splitlines():
        value = line.partition("=")[2].partition("#")[0]
        if any(character.isdigit() for character in value):
            assert "#" in line, line
