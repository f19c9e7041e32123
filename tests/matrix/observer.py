"""What one machine is and has, said several times a second: a program that runs inside the machine.

It is in the machine's network and mounts, but not among its processes: a fault of the network, a
stopped program and a paused machine leave it alone.  It asks the kernel and local sockets only.

Arguments as JSON: `vip`, `socket` (folder of PostgreSQL's socket, null on a machine without one),
`run` (what its rows are called), `key` (address of the leader key at the local agent, null where
none is asked), `token`.  Prints one line for each thing seen, with the moment of the host's steady clock:

    address MOMENT 0|1
    role MOMENT primary|replica|none
    row MOMENT NUMBER          a row that PostgreSQL acknowledged, without a warning
    key MOMENT NAME|none|?     who has the lock as this Consul server knows it
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import psycopg

EVERY_S = 0.25
PATIENCE_S = 2
ROLE = "select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'"
INSERT = "insert into ledger (run, number) values (%s, %s)"

_lock = threading.Lock()


def say(kind: str, value: object) -> None:
    """Print one line at once."""
    with _lock:
        sys.stdout.write(f"{kind} {time.monotonic():.3f} {value}\n")
        sys.stdout.flush()


def watch_address(vip: str) -> None:
    """Only an address of the machine's own can be bound."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((vip, 0))
            except OSError:
                say("address", 0)
            else:
                say("address", 1)
        time.sleep(EVERY_S)


def connect(folder: str) -> psycopg.Connection[Any]:
    """Return a connection over the socket; every statement is a transaction."""
    return psycopg.connect(
        host=folder, dbname="postgres", user="postgres", autocommit=True, connect_timeout=5
    )


def watch_role(folder: str, is_primary: threading.Event) -> None:
    """Ask on one connection, so that a server that takes no new ones is seen as well."""
    while True:
        try:
            with connect(folder) as connection:
                while True:
                    row = connection.execute(ROLE).fetchone()
                    is_replica = row is None or bool(row[0])
                    say("role", "replica" if is_replica else "primary")
                    (is_primary.clear if is_replica else is_primary.set)()
                    time.sleep(EVERY_S)
        except (psycopg.Error, OSError):
            say("role", "none")
            is_primary.clear()
            time.sleep(EVERY_S)


def write(folder: str, run: str, is_primary: threading.Event) -> None:
    """Commit a row now and then while PostgreSQL says that it is a primary; a commit may wait for ever."""
    number = 0
    warnings: list[str] = []
    while True:
        is_primary.wait()
        try:
            with connect(folder) as connection:
                connection.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
                while is_primary.is_set():
                    number += 1
                    warnings.clear()
                    connection.execute(INSERT, (run, number))
                    if not warnings:
                        say("row", number)
                    time.sleep(EVERY_S)
        except (psycopg.Error, OSError):
            time.sleep(EVERY_S)


def watch_key(url: str, token: str) -> None:
    """Read what this server knows, also while the servers have no leader."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"{url}?stale&raw", headers={"X-Consul-Token": token})  # noqa: S310 - loopback
    while True:
        try:
            with opener.open(request, timeout=PATIENCE_S) as answer:
                say("key", answer.read().decode() or "none")
        except urllib.error.HTTPError as error:
            with error:
                say("key", "none" if error.code == 404 else "?")
        except OSError:
            say("key", "?")
        time.sleep(EVERY_S)


def main() -> None:
    """Watch until killed."""
    order = json.loads(sys.argv[1])
    is_primary = threading.Event()
    watches: list[tuple[Any, tuple[Any, ...]]] = [(watch_address, (order["vip"],))]
    if order["socket"]:
        watches += [
            (watch_role, (order["socket"], is_primary)),
            (write, (order["socket"], order["run"], is_primary)),
        ]
    if order["key"]:
        watches.append((watch_key, (order["key"], order["token"])))
    threads = [threading.Thread(target=function, args=arguments) for function, arguments in watches]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main()
