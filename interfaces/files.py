"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there, durable before anybody sees it."""
    with replacing(path) as beside:
        beside.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a place to write to; what is there at the end takes the file's place, durable.

    A link stays, and what it leads to is replaced; a device or a pipe stays, and is written to.
    After an error nothing of it is left. An OSError names the file, or the folder that is missing,
    not the place beside it.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        with tempfile.TemporaryDirectory() as folder:
            beside = Path(folder) / "content"
            yield beside
            with beside.open("rb") as content, path.open("wb") as out:
                shutil.copyfileobj(content, out)
        return
    path = path.resolve() if path.is_symlink() else path
    name = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            yield Path(name)
            os.fsync(descriptor)
            # A new file is for whom the umask lets in, not for its owner alone as temporary ones.
            mask = os.umask(0)
            os.umask(mask)
            os.fchmod(descriptor, 0o666 & ~mask)
            os.replace(name, path)  # noqa: PTH105 - the temporary name is a string
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108
            raise
        finally:
            os.close(descriptor)
    except OSError as error:
        if name is not None and error.filename not in {None, name}:
            raise
        place = path if name is not None else path.parent
        raise OSError(error.errno, error.strerror or str(error), str(place)) from error
