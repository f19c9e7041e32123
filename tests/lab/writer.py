"""A client outside the cluster that writes all the time and believes nothing but the ledger.

One row per commit, each with a number of its own that is never used again, whatever
became of the attempt.  A commit that comes back with a warning is *not* acknowledged:
PostgreSQL reports a cancelled wait for the standby as a success with a warning.  For
the same reason the client never cancels a statement; it hangs up.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import psycopg

from tests.lab.ledger import Comparison, Gap, Ledger, compare, list_gaps, longest_gap, read_ledger

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S: Final = 3.0
"""How long a statement may take before the client hangs up: less than any failover, more than any commit."""
CONNECT_S: Final = 3
PAUSE_S: Final = 0.1
RETRY_S: Final = 0.2
TABLE: Final = """
create table if not exists ledger (
    run text not null,
    number bigint not null,
    written timestamptz not null default clock_timestamp(),
    primary key (run, number)
)
"""
INSERT: Final = "insert into ledger (run, number) values (%s, %s)"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client connects to; `password` stays out of every repr.

    With `authority`, a file, the server must have a certificate of it for `certified`, the
    address that `host` and `port` stand for; without, nothing is verified.
    """

    host: str
    port: int
    user: str
    password: str
    database: str = "postgres"
    certified: str | None = None
    authority: Path | None = None

    def __repr__(self) -> str:
        return f"Target({self.host}:{self.port}, {self.user})"

    def connect(self) -> psycopg.Connection:
        """Return a connection that commits every statement.

        Raises:
            psycopg.Error: there is no server, or it does not take us.
        """
        return psycopg.connect(
            sslmode="verify-full" if self.authority else "prefer",
            sslrootcert=str(self.authority) if self.authority else None,
            host=self.certified or self.host,
            hostaddr=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.database,
            connect_timeout=CONNECT_S,
            autocommit=True,
            prepare_threshold=None,
            application_name="holster-lab",
        )


def read_rows(target: Target, run: str) -> set[int]:
    """Return the numbers that the database has for a run."""
    with target.connect() as connection:
        return {
            number for (number,) in connection.execute("select number from ledger where run = %s", (run,))
        }


def wait_for_same_rows(replica: Target, primary: Target, run: str, timeout_s: float = 60) -> None:
    """Wait until the replica has replayed what the primary has: the very same rows, no more and no fewer.

    Raises:
        AssertionError: it has other rows.
    """
    deadline = time.monotonic() + timeout_s
    while (ours := read_rows(replica, run)) != (theirs := read_rows(primary, run)):
        if time.monotonic() > deadline:
            more, fewer = sorted(ours - theirs), sorted(theirs - ours)
            raise AssertionError(f"the replica has {more[:5]} more and lacks {fewer[:5]}")
        time.sleep(1)


class Writer:
    """Writes rows in a thread of its own, between `with Writer(...)` and its end."""

    def __init__(self, target: Target, path: Path, run: str) -> None:
        self.target = target
        self.run = run
        self.attempted = 0
        self.path = path
        self.errors: Counter[str] = Counter()
        self._moments: list[float] = []
        self._warnings: list[str] = []
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"writer-{run}", daemon=True)

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Write no more; return when the last attempt is over."""
        self._stopping.set()
        self._thread.join(PATIENCE_S + CONNECT_S + 10)

    @property
    def acknowledged(self) -> int:
        """How many rows were acknowledged so far."""
        return len(self._moments)

    def wait_for_rows(self, count: int, timeout_s: float) -> float:
        """Return the moment at which `count` more rows than now were acknowledged.

        Raises:
            TimeoutError: that did not happen in time; it says what the client saw.
        """
        wanted = self.acknowledged + count
        with self._changed:
            if self._changed.wait_for(lambda: self.acknowledged >= wanted, timeout_s):
                return self._moments[wanted - 1]
        raise TimeoutError(
            f"{self.acknowledged - wanted + count} of {count} rows were acknowledged in {timeout_s:.0f} s;"
            f" the client saw {dict(self.errors)}"
        )

    def first_row_after(self, moment: float) -> float | None:
        """Return when the first row after a moment was acknowledged."""
        return next((acknowledged for acknowledged in list(self._moments) if acknowledged > moment), None)

    def last_row(self) -> float:
        """Return when the last row was acknowledged.

        Raises:
            IndexError: none was.
        """
        return self._moments[-1]

    def longest_gap(self, start: float, end: float) -> Gap:
        """Return the longest time without an acknowledged row."""
        return longest_gap(list(self._moments), start, end)

    def silent_seconds(self, start: float, end: float, shortest: float = 1.0) -> float:
        """Return the sum of all times without acknowledged rows that are at least `shortest` seconds."""
        gaps = list_gaps(list(self._moments), start, end)
        return sum(gap.seconds for gap in gaps if gap.seconds >= shortest)

    def compare_with(self, target: Target) -> Comparison:
        """Read all rows back from a server and compare them with the ledger's file."""
        return compare(read_ledger(self.path), read_rows(target, self.run), self.attempted)

    def _work(self) -> None:
        with Ledger(self.path) as ledger:
            while not self._stopping.is_set():
                try:
                    with self.target.connect() as connection:
                        connection.add_notice_handler(self._notice)
                        self._write(connection, ledger)
                except (psycopg.Error, OSError) as error:
                    self.errors[_name(error)] += 1
                self._stopping.wait(RETRY_S)

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            self._warnings.append(diagnostic.message_primary or "")

    def _write(self, connection: psycopg.Connection, ledger: Ledger) -> None:
        while not self._stopping.is_set():
            self.attempted += 1
            self._warnings.clear()
            with _HangUp(connection):
                connection.execute(INSERT, (self.run, self.attempted))
            if self._warnings:
                self.errors[f"warning: {self._warnings[0]}"] += 1
                continue
            moment = time.monotonic()
            ledger.acknowledge(self.attempted, moment)
            with self._changed:
                self._moments.append(moment)
                self._changed.notify_all()
            self._stopping.wait(PAUSE_S)


class _HangUp:
    """Shuts the connection's socket when a statement takes too long; the server is asked nothing."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._timer = threading.Timer(PATIENCE_S, _shut, (connection.fileno(),))
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        # Until it has really ended the descriptor must stay ours.
        self._timer.join()


def _shut(descriptor: int) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as peer:
        peer.shutdown(socket.SHUT_RDWR)


def _name(error: Exception) -> str:
    """Return an error in a few words that repeat: the class, and PostgreSQL's code where there is one."""
    code = getattr(error, "sqlstate", None)
    return f"{type(error).__name__}{f' {code}' if code else ''}"
