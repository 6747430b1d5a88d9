"""A session on a Spark cluster, and in one line why there is none."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from ledger.errors import NotReady

_CONFIGURATION = {
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    # Sums and casts that do not fit are errors, never other values.
    "spark.sql.ansi.enabled": "true",
}


@contextmanager
def cluster(master: str) -> Iterator[SparkSession]:
    """A session on a cluster, ended afterwards, or the one that this process has already.

    ``master`` is written as Spark does, such as ``local[2]``. Raises NotReady, in one line, where
    Spark cannot start or fails.
    """
    running = SparkSession.getActiveSession()
    try:
        if running is not None:
            yield running
            return
        # Spark makes a directory for tables, of which there are none, where it is told or here.
        with TemporaryDirectory(prefix="commissions-") as folder:
            session = _started(master, folder)
            try:
                yield session
            finally:
                session.stop()
    except (PySparkException, Py4JError) as error:
        raise NotReady(
            f"Spark failed ({first_line(error)}); it needs Java 17 or later, and workers with this"
            " package that see the archive under the same path: see docs/scale.md"
        ) from error


def _started(master: str, folder: str) -> SparkSession:
    _require_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("commissions").master(master)
    for name, value in {**_CONFIGURATION, "spark.sql.warehouse.dir": folder}.items():
        builder = builder.config(name, value)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
        builder = builder.config("spark.driver.host", "127.0.0.1")
    with _unheard():
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    # What Spark refuses is said in one line of ours.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    return session


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=None if home is None else str(Path(home, "bin"))) is None:
        where = "" if home is None else f" in JAVA_HOME, which is {home}"
        raise NotReady(
            f"Spark needs Java 17 or later, and there is none{where}: install it, in Debian with:"
            " apt-get install openjdk-17-jre-headless"
        )


@contextmanager
def _unheard() -> Iterator[None]:
    """Start a process whose own log does not get among our lines: it writes to a nameless file."""
    sys.stderr.flush()
    before = os.dup(2)
    try:
        with TemporaryFile() as log:
            os.dup2(log.fileno(), 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def first_line(error: Exception) -> str:
    """Return what an error says first; what follows is for those who know Spark."""
    told = (line.strip() for line in str(error).splitlines())
    return next((line for line in told if line), type(error).__name__)
