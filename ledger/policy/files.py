"""Programme files: TOML in, a programme out, or every problem of the file with its line."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ledger.policy.checks import contradictions
from ledger.policy.lines import LineIndex
from ledger.policy.problems import Problem, ProgrammeInvalid
from ledger.policy.programme import Programme
from ledger.policy.reading import Float, read

__all__ = ["MAX_BYTES", "REFERENCE", "Problem", "ProgrammeInvalid", "load", "loads", "packaged"]

MAX_BYTES = 256 * 1024
"""The largest programme file that is read."""

REFERENCE = "izyinbox"
"""The name of the reference programme in this package."""

_FOLDER = files("ledger.policy") / "programmes"

_LARGE = f"is larger than {MAX_BYTES:,} bytes, which no programme is; name the programme's own file"
_FLOAT = 'a float is never exact: write rates in quotes: "0.20", and amounts in minor units: 50000'


def packaged() -> list[str]:
    """The names of the programmes in this package: the reference, and examples made of it."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load(origin: str | Path) -> Programme:
    """Read a programme from a file, or one of this package by its name, such as ``izyinbox``.

    Raises ProgrammeInvalid with all that is wrong, and OSError for a file that cannot be read.
    """
    if isinstance(origin, str) and origin in packaged():
        return loads((_FOLDER / f"{origin}.toml").read_bytes(), origin)
    with Path(origin).open("rb") as file:
        return loads(file.read(MAX_BYTES + 1), str(origin))


def loads(content: bytes, origin: str) -> Programme:
    """Read a programme from the bytes of a file; ``origin`` names it in messages.

    Raises ProgrammeInvalid with all that is wrong.
    """
    text = _text(content, origin)
    index = LineIndex(text)
    reading = read(text, index)
    if reading.document is None:
        raise ProgrammeInvalid(origin, reading.problems)
    found: dict[str, str] = dict(_floats(reading.document, ""))
    programme: Programme | None = None
    try:
        programme = Programme.from_document(reading.document)
    except ProgrammeInvalid as invalid:
        for problem in invalid.problems:
            found.setdefault(problem.key, problem.reason)
    for problem in contradictions(reading.document):
        found.setdefault(problem.key, problem.reason)
        if problem.key.endswith(".code"):
            # Said of the second contest itself, it need not be said of all.
            found.pop("contest", None)
    for key in reading.unread:
        found.pop(key, None)
    told = [Problem(key, reason, index.line(key)) for key, reason in found.items()]
    problems = sorted([*reading.problems, *told], key=lambda problem: problem.line or 0)
    if problems or programme is None:
        raise ProgrammeInvalid(origin, problems)
    return programme


def _text(content: bytes, origin: str) -> str:
    if len(content) > MAX_BYTES:
        raise ProgrammeInvalid(origin, [Problem("", _LARGE)])
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        reason = "is no UTF-8 text; save it as UTF-8"
        raise ProgrammeInvalid(origin, [Problem("", reason, line)]) from None


def _floats(value: object, key: str) -> Iterator[tuple[str, str]]:
    """Every float below a value, with its dotted key."""
    if isinstance(value, Float):
        yield key, _FLOAT
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _floats(member, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _floats(member, f"{key}.{number}")
