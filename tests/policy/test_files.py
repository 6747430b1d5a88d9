"""Programme files: every problem with its line, and floats refused before they are rounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
[tier.requires]
portfolio_above = 200
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
    """TOML has no last one wins; what else is wrong is told, too."""
    twice = SMALL.replace('currency = "EUR"', 'name = "b"\ncurrency = "EUX"')
    assert [(problem.line, problem.key) for problem in problems(twice)] == [
        (3, "name"),
        (4, "currency"),
    ]
    assert "first on line 1; keep one" in problems(twice)[0].reason


def test_a_table_twice_is_refused() -> None:
    """With all that stands below it; the file goes on at the next table."""
    table = '[per_ten]\neach = 10\namount = 50000\nfrom = "certified"\n'
    found = problems(f"{SMALL}{table}{table}[territory]\nmonths = 0\n")
    assert [problem.key for problem in found] == ["per_ten", "territory.months"]
    assert "stands twice" in found[0].reason


def test_a_line_that_cannot_be_read_hides_no_other() -> None:
    """Its key counts as given; the rest of the file is checked."""
    text = SMALL.replace('later = "0.10"', "later = 10%").replace('"EUR"', "EUR")
    assert [(problem.line, problem.key) for problem in problems(text)] == [
        (3, "currency"),
        (8, "tier.0.later"),
    ]
    assert all("cannot be read; write text" in problem.reason for problem in problems(text))


def test_what_follows_a_broken_table_is_not_guessed_at() -> None:
    """Whose keys they are is not known: the lines up to it are told, and the header."""
    found = problems(SMALL.replace('"EUR"', "EUR") + "[per_ten\neach = 0\n")
    assert [problem.key for problem in found] == ["currency", ""]
    assert "write [table] or [[table]]" in found[1].reason


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ("nps_above = 40\n", "", "tier.1.requires", "asks for nothing beyond 'referent'"),
        (
            "portfolio_above = 200",
            "nps_above = 30",
            "tier.2.requires.nps_above",
            "asks for less than 'certified' does; write 40 or more",
        ),
        ("portfolio_above = 200", "nps_above = 40", "tier.2.requires", "beyond 'certified'"),
    ],
)
def test_a_tier_asks_for_more_than_the_one_below(old: str, new: str, key: str, reason: str) -> None:
    """Or the levels overlap: who reaches one would have reached the next."""
    found = {problem.key: problem.reason for problem in problems(SMALL.replace(old, new, 1))}
    assert reason in found[key]


def contest(code: str, start: str, end: str) -> str:
    """A contest of €1.00 a client."""
    return f'[[contest]]\ncode = "{code}"\nstart = {start}\nend = {end}\namount = 100\n'


def test_two_contests_have_no_day_and_no_code_in_common() -> None:
    """The last day of one and the first of the next are two days."""
    first, second = ("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28")
    loads((SMALL + contest("a", *first) + contest("b", *second)).encode(), "small.toml")
    touching = ("2026-01-31", "2026-02-28")
    found = problems(SMALL + contest("a", *first) + contest("a", *touching))
    reasons = {problem.key: problem.reason for problem in found}
    assert list(reasons) == ["contest.1.code", "contest.1.start"]
    assert "is the code of contest.0, too" in reasons["contest.1.code"]
    assert "a client would earn both" in reasons["contest.1.start"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("late_days = 30", "it belongs in [attribution]"),
        ("atribution = 1", "did you mean 'attribution'?"),
        ("zzz = 1", "is no key of a programme; remove it"),
        ('accrual = "invoices"', "write 'schedule' or 'invoice'"),
        ("attribution = 5", "write a table [attribution]"),
        ("leaderboard = { prizes = 2000 }", "is 2000; write a list [...] of a whole number"),
        ('leaderboard = { prizes = [1, "2"] }', 'is "2"; write a whole number without quotes'),
        ("agreement = { tail = -1 }", "write 'none' or 'client_lifetime' or a whole number"),
    ],
)
def test_a_key_that_is_none_is_told_what_it_may_have_meant(line: str, reason: str) -> None:
    """The nearest of its table, or the table that has it."""
    [problem] = problems(f"{line}\n{SMALL}")
    assert reason in problem.reason
    assert problem.line == 1


def test_an_array_of_tables_written_otherwise() -> None:
    """Says how it is written."""
    text = SMALL + "[contest]\ncode = 1\n"
    [problem] = problems(text)
    assert problem.key == "contest"
    assert "write a table [[contest]] for each" in problem.reason
    assert text.split("\n")[(problem.line or 0) - 1] == "[contest]"


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


def test_everything_wrong_with_a_very_bad_file_is_told() -> None:
    """The whole answer, line by line: bad.toml has every kind of mistake, bad.txt what is said."""
    folder = Path(__file__).parent
    with pytest.raises(ProgrammeInvalid) as refused:
        load(folder / "bad.toml")
    told = "".join(f"{problem}\n" for problem in refused.value.problems)
    assert told == (folder / "bad.txt").read_text(encoding="utf-8")


REFERENCE_LINES = (
    (Path(__file__).parents[2] / "ledger" / "policy" / "programmes" / "izyinbox.toml")
    .read_text(encoding="utf-8")
    .split("\n")
)
_AT = st.integers(0, len(REFERENCE_LINES) - 1)


_LETTERS = st.sampled_from("[]{}=\"'.#,-0x\n")


@given(
    moves=st.lists(st.tuples(_AT, _AT), max_size=4),
    typed=st.lists(st.tuples(_AT, st.integers(0, 60), _LETTERS), max_size=4),
)
def test_no_file_is_a_crash(
    moves: list[tuple[int, int]], typed: list[tuple[int, int, str]]
) -> None:
    """Lines repeated elsewhere and letters typed anywhere: a programme, or problems with lines."""
    lines = list(REFERENCE_LINES)
    for at, place, letter in typed:
        lines[at] = f"{lines[at][:place]}{letter}{lines[at][place:]}"
    for origin, target in moves:
        lines.insert(target, REFERENCE_LINES[origin])
    text = "\n".join(lines)
    told: list[Problem] | None = None
    try:
        loads(text.encode(), "any.toml")
    except ProgrammeInvalid as invalid:
        told = list(invalid.problems)
    assert told is None or told
    for problem in told or ():
        assert problem.line is None or 1 <= problem.line <= text.count("\n") + 1
        assert problem.reason
        assert "\n" not in str(problem)
