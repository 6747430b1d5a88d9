"""The log of an archive decided again on this machine, in processes: what a cluster does, in files.

One pass over the archive copies each event into a file for every part that reads it; so reading
costs as much for many parts as for one, and a process holds one part at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from pyarrow import compute, dataset, ipc

from ledger.collecting import collect_seldom
from replay.archive.columns import SCHEMA
from replay.archive.sending import COLUMNS, PART, arrived, sent
from replay.recompute import Deciding, Found, at_once
from replay.rerun import Log
from replay.rerun.commands import Named
from replay.rerun.log import PAGE_EVENTS, topics_read
from replay.rerun.part import decide_part
from replay.rerun.parts import Part

_COPIED = pa.schema([(PART, pa.int32()), *((name, SCHEMA.field(name).type) for name in COLUMNS)])


def in_files(archive: Sequence[Path], processes: int) -> Deciding:
    """Decide the parts of an archive, of these Parquet files, in so many processes at a time."""

    @contextmanager
    def deciding(log: Log, parts: Sequence[Part], named: Named) -> Iterator[Iterable[Found]]:
        if len(parts) == 1:
            yield (list(decide_part(log.rows(part), part, named)) for part in parts)
            return
        with TemporaryDirectory(prefix="commissions-") as folder:
            files = _copied(archive, log.through, parts, Path(folder))
            tasks = [
                partial(_decide, file, part, named) for file, part in zip(files, parts, strict=True)
            ]
            with at_once(tasks, processes) as found:
                yield found

    return deciding


def _copied(
    archive: Sequence[Path], through: int, parts: Sequence[Part], folder: Path
) -> list[Path]:
    """Copy each event for the parts that read it; return the file of each part."""
    files = [folder / f"{number}.arrow" for number in range(len(parts))]
    wanted = compute.field("topic").isin(topics_read()) & (compute.field("position") <= through)
    events = dataset.dataset(list(map(str, archive)), schema=SCHEMA)
    batches = events.to_batches(columns=list(COLUMNS), filter=wanted)
    with ExitStack() as stack:
        options = ipc.IpcWriteOptions(compression="zstd")
        writers = [
            stack.enter_context(ipc.new_stream(str(file), _COPIED, options=options))
            for file in files
        ]
        for copies in sent(batches, parts):
            places: defaultdict[int, list[int]] = defaultdict(list)
            for place, number in enumerate(copies.column(PART).to_pylist()):
                places[number].append(place)
            for number, of_part in places.items():
                writers[number].write_batch(copies.take(pa.array(of_part, pa.int64())))
    return files


def _decide(file: Path, part: Part, named: Named) -> Found:
    collect_seldom()
    with ipc.open_stream(str(file)) as stream:
        copies = stream.read_all().sort_by("position")
    rows = (row for _, row in arrived(copies.to_batches(max_chunksize=PAGE_EVENTS)))
    return list(decide_part(rows, part, named))
