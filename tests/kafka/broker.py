"""A Kafka broker for the tests: Apache Kafka from its own jars, one node, on free ports.

The jars come by Maven, once, into the user's cache directory. Without JDK and Maven a container
does the same; without either the tests fail and say what to install. Run as a program, this module
is the broker's keeper: it ends the broker with the process that it works for, however that ends.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
import psutil

POM = Path(__file__).parent / "pom.xml"
IMAGE = "apache/kafka:4.1.1"
UP_SECONDS = 90
"""How long a broker may take to answer; usually four, fourteen after a kill."""

USER, PASSWORD = "ledger", "local-development-only"
"""Who may log in where the broker asks (the listener SASL)."""

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "auto.create.topics.enable": "false",
    "message.max.bytes": "4194304",
    "log.retention.check.interval.ms": "1000",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512,OAUTHBEARER",
}
_LOGIN = "org.apache.kafka.common.security"
_LOGINS = {
    "plain": f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
    "scram-sha-512": f"{_LOGIN}.scram.ScramLoginModule required;",
    # The broker's development mode: a token that nobody signed is taken.
    "oauthbearer": f"{_LOGIN}.oauthbearer.OAuthBearerLoginModule required"
    ' unsecuredLoginStringClaim_sub="broker";',
}


class NoBroker(Exception):
    """No broker can be had; the message says what to install."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def jars() -> Path:
    """The folder of Kafka's jars, fetched by Maven when it is used first."""
    key = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = platformdirs.user_cache_path("commission-ledger", appauthor=False) / f"kafka-{key}"
    if folder.is_dir():
        return folder
    unfinished = folder.with_name(f"{folder.name}-{uuid.uuid4().hex}")
    # Maven writes a folder "target" beside a pom; the checkout stays as it is.
    unfinished.mkdir(parents=True)
    pom = shutil.copy(POM, unfinished / "pom.xml")
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime")
    command = ["mvn", "-q", "-B", "-f", pom, *goal, f"-DoutputDirectory={unfinished}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(unfinished)
        raise NoBroker(f"Maven could not fetch Kafka's jars: {done.stdout[-2000:]}")
    with contextlib.suppress(OSError):  # another run was as fast
        unfinished.rename(folder)
    shutil.rmtree(unfinished, ignore_errors=True)
    return folder


@dataclass
class Broker:
    """One node with a data directory; it may be killed and started again on the same ports.

    ``advertised`` sends clients to another port than the broker's own: a proxy's.
    """

    home: Path
    advertised: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    sasl_port: int = field(default_factory=free_port)
    _controller_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The bootstrap server that clients are given."""
        return f"127.0.0.1:{self.advertised or self.port}"

    @property
    def pid(self) -> int:
        """The process of the running broker."""
        assert self._process is not None
        return self._process.pid

    def log_of(self, topic: str) -> Path:
        """The folder of a topic's first partition: what a stopped broker has of it."""
        return self.home / "data" / f"{topic}-0"

    def start(self) -> None:
        """Start the broker and wait until it answers."""
        if shutil.which("java") and shutil.which("mvn"):
            command = self._java()
        elif shutil.which("docker"):
            command = self._docker()
        else:
            raise NoBroker(
                "the Kafka tests need a broker: install a JDK (17 or later) and Maven, or Docker,"
                " or name a broker of your own in COMMISSIONS_TEST_KAFKA (host:port)"
            )
        with (self.home / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    def kill(self) -> None:
        """End the broker as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the broker; it closes its logs."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + UP_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.05)
        self.kill()
        log = (self.home / "broker.log").read_text(encoding="utf-8", errors="replace")
        raise NoBroker(f"the broker of the tests did not start: {log[-3000:]}")

    def _listeners(self) -> dict[str, str]:
        own = f"CONTROLLER://127.0.0.1:{self._controller_port}"
        sasl = f"SASL://127.0.0.1:{self.sasl_port}"
        return {
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},{sasl},{own}",
            "advertised.listeners": f"PLAINTEXT://{self.address},{sasl},{own}",
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT"
            ),
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "log.dirs": str(self.home / "data"),
            **{
                f"listener.name.sasl.{mechanism}.sasl.jaas.config": login
                for mechanism, login in _LOGINS.items()
            },
        }

    def _java(self) -> list[str]:
        classes = f"{jars()}/*"
        file = self.home / "server.properties"
        lines = {**SETTINGS, **self._listeners(), **self.settings}
        file.write_text("".join(f"{key}={value}\n" for key, value in lines.items()), "utf-8")
        quick = ["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classes]
        if not (self.home / "data").exists():
            # Sixteen bytes, the first of them 0, so that no id begins with a dash as options do.
            cluster = base64.urlsafe_b64encode(bytes(1) + uuid.uuid4().bytes[1:]).decode()[:22]
            scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
            what = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster]
            command = [*quick, *what, "-c", str(file), "--add-scram", scram]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                raise NoBroker(f"the broker of the tests cannot be made: {done.stderr[-2000:]}")
        return [*quick, "kafka.Kafka", str(file)]

    def _docker(self) -> list[str]:
        lines = {**SETTINGS, **self._listeners(), **self.settings}
        lines["log.dirs"] = "/tmp/kafka"  # noqa: S108 - inside the container
        variables = [f"KAFKA_{key.upper().replace('.', '_')}={text}" for key, text in lines.items()]
        flags = [part for variable in variables for part in ("--env", variable)]
        return ["docker", "run", "--rm", "--init", "--network", "host", *flags, IMAGE]


def shared(home: Path, owner: int) -> Path:
    """The home of the broker that a whole run shares, started by the first who asks.

    ``home`` is the run's; the broker lives as long as the process ``owner``, or until ``end``.
    """
    own = home / "kafka"
    own.mkdir(exist_ok=True)
    with (own / "door").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        if not (own / "pid").exists():
            program = [sys.executable, "-m", "tests.kafka.broker", str(owner), str(own)]
            pid = os.spawnv(os.P_NOWAIT, sys.executable, program)
            (own / "pid").write_text(str(pid), "utf-8")
        while not (own / "address").exists():
            if (own / "failed").exists():
                raise NoBroker((own / "failed").read_text("utf-8"))
            time.sleep(0.05)
    return own


def end(home: Path) -> None:
    """End a run's shared broker, if it has one."""
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
        keeper = psutil.Process(int((home / "kafka" / "pid").read_text("utf-8")))
        keeper.terminate()
        keeper.wait(60)


def keep(owner: int, home: Path) -> None:
    """Run a broker for as long as its owner lives; tells its addresses in the file ``address``."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    broker = Broker(home)
    try:
        broker.start()
        told = home / "address.new"
        told.write_text(f"{broker.address} 127.0.0.1:{broker.sasl_port}", "utf-8")
        told.rename(home / "address")
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(owner).wait()
    except NoBroker as error:
        (home / "failed").write_text(str(error), "utf-8")
    finally:
        broker.stop()
        if not psutil.pid_exists(owner):
            shutil.rmtree(home, ignore_errors=True)


def _become_nobodys() -> None:
    """Leave the terminal and the pipes of whoever started this: they may end before."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


if __name__ == "__main__":
    _become_nobodys()
    keep(int(sys.argv[1]), Path(sys.argv[2]))
