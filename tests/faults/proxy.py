"""A TCP proxy that lets a connection die, or stand still, at a moment of the test's choosing."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Cut = Literal["", "before", "after"]
"""What is to become of a client's bytes: passed on, dropped with the connection before the other
side has seen them, or after it has, its answer dropped."""


class Proxy:
    """Passes bytes between clients and a server until it is told to do something worse."""

    def __init__(self, connect: Callable[[], socket.socket], port: int = 0) -> None:
        self._connect = connect
        self.judge: Callable[[bytes], Cut] = lambda data: ""
        self.passing = threading.Event()
        self.passing.set()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> None:
        """Drop every connection; new ones are taken."""
        for one in list(self._open):
            _close(one)

    def close(self) -> None:
        """Drop everything and listen no more."""
        self._listener.close()
        self.passing.set()
        self.drop()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        self._open |= {client, server}
        try:
            self._pass_on(client, server)
        except (OSError, ValueError):
            pass
        finally:
            for one in (client, server):
                _close(one)
                self._open.discard(one)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            readable, _, _ = select.select([client, server], [], [], 0.5)
            self.passing.wait()
            for one in readable:
                data = one.recv(2**16)
                if not data:
                    return
                cut = self.judge(data) if one is client else ""
                if cut == "before":
                    return
                (server if one is client else client).sendall(data)
                if cut == "after":
                    # The server has answered: what it did is done, and nobody hears of it.
                    select.select([server], [], [], 5)
                    return


@contextmanager
def proxied(connect: Callable[[], socket.socket]) -> Iterator[Proxy]:
    """A proxy for as long as the block runs."""
    proxy = Proxy(connect)
    try:
        yield proxy
    finally:
        proxy.close()


def database_socket(address: str) -> socket.socket:
    """A connection to the server of a database's address, by its socket or its port."""
    parts = conninfo_to_dict(address)
    host, port = str(parts.get("host") or "127.0.0.1"), int(parts.get("port") or 5432)
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    one = socket.socket(socket.AF_UNIX)
    one.connect(f"{host}/.s.PGSQL.{port}")
    return one


def through(address: str, proxy: Proxy) -> str:
    """The address of a database by way of a proxy."""
    return make_conninfo(address, host="127.0.0.1", port=proxy.port, sslmode="disable")


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
