"""Receive the bytes of one file, whatever the other side does.

In: a source and an open file with what has come before.  Out: the file with the promised
digest.  The other side may be slow, broken or hostile: time and size have limits.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest
from http import HTTPStatus
from http.client import HTTPException, InvalidURL
from shutil import disk_usage
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit

from generator.artifacts.connection import RedirectRefused, TimeIsUp, open_address
from generator.errors import EnvironmentFailed, InputInvalid
from generator.node.machine.archives import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedRandom
    from pathlib import Path

    Progress = Callable[[int, int | None], None]

CHUNK: Final = 256 * 1024
ATTEMPTS: Final = 4
MOST_BYTES: Final = LIMIT
"""No program is larger, nor is an archive of one."""
MOST_S: Final = 4 * 3600.0
"""For one file, all attempts together: a server that sends a byte a second is never silent."""
LONGEST_WORDS: Final = 200
NUMBER: Final = re.compile(r"[0-9]{1,18}")
PART: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")


class DownloadFailed(EnvironmentFailed):
    """The file did not come."""


class DigestMismatch(InputInvalid):
    """What came is not what the digest names."""


class _BrokenOffError(Exception):
    """The transfer ended early; another attempt may go on."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file is and what it must be.

    Attributes:
        url: http, https, ftp or file; may carry a user and a password.
        sha256: of the file.
        timeout_s: how long the other side may be silent.
        most_s: how long the whole may take.
        most_bytes: how large it may be.
    """

    url: str
    sha256: str
    timeout_s: float
    most_s: float = MOST_S
    most_bytes: int = MOST_BYTES

    @property
    def shown(self) -> str:
        """The address for people: without user, password and query, which may be a token."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Transfer:
    """Brings the bytes into an open file."""

    def __init__(
        self, source: Source, stream: BufferedRandom, part: Path, on_progress: Progress, pause_s: float
    ) -> None:
        self._source = source
        self._stream = stream
        self._part = part
        self._on_progress = on_progress
        self._pause_s = pause_s
        self._deadline = time.monotonic() + source.most_s

    def run(self) -> None:
        """Receive until the digest is right; what came before may be of another file."""
        was_begun = self._stream.seek(0, os.SEEK_END) > 0
        self._receive()
        found = self._digest()
        if found != self._source.sha256 and was_begun:
            self._cut(0)
            self._receive()
            found = self._digest()
        if found != self._source.sha256:
            self._part.unlink()
            raise DigestMismatch(
                f"{self._source.shown} is not the file that was promised:\n"
                f"  SHA-256 declared  {self._source.sha256}\n  SHA-256 received  {found}",
                hint="compare the declared one with what the vendor publishes; nothing was kept",
            )

    def _digest(self) -> str:
        self._stream.seek(0)
        return file_digest(self._stream, "sha256").hexdigest()

    def _cut(self, length: int) -> None:
        self._stream.truncate(length)
        self._stream.seek(length)

    def _receive(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._try()
            except _BrokenOffError as error:
                if attempt == ATTEMPTS:
                    raise DownloadFailed(
                        f"{self._source.shown} did not come in {ATTEMPTS} attempts: {error}",
                        hint="what has come is kept: the same command goes on there",
                    ) from None
                time.sleep(self._pause_s * 2 ** (attempt - 1))
            else:
                return

    def _try(self) -> None:
        """Append what is missing of the file; raise _BrokenOffError when it may be tried again."""
        had = self._stream.seek(0, os.SEEK_END)
        source = self._source
        try:
            with self._network():
                response = open_address(source.url, had, timeout_s=source.timeout_s, deadline=self._deadline)
        except HTTPError as error:
            with error:
                self._judge_status(error.code)
            return
        with response:
            begin, total = self._read_range(response.status, response.headers.get, had)
            self._cut(begin)
            self._demand_room(begin, total)
            count = begin
            while chunk := self._read(response):
                count += len(chunk)
                self._demand_size(count)
                self._stream.write(chunk)
                self._stream.flush()
                self._on_progress(count, total)
        if total is not None and count < total:
            raise _BrokenOffError(f"the transfer ended after {count} of {total} bytes")

    def _read(self, response: Any) -> bytes:
        if time.monotonic() > self._deadline:
            raise self._late()
        with self._network():
            # What has come: read would wait for a whole chunk, past any limit.
            return bytes(response.read1(CHUNK))

    def _read_range(
        self, status: int | None, get: Callable[[str], str | None], had: int
    ) -> tuple[int, int | None]:
        """Return where the body begins and how long the whole file is, if the server says so."""
        if status != HTTPStatus.PARTIAL_CONTENT:
            length = get("Content-Length") or ""
            return 0, int(length) if NUMBER.fullmatch(length) else None
        found = PART.fullmatch(get("Content-Range") or "")
        if found and int(found[1]) == had:
            return had, None if found[2] == "*" else int(found[2])
        # Asked for the whole, the server may do better.
        self._cut(0)
        raise _BrokenOffError("the server sent another part than the one that is missing")

    def _demand_room(self, begin: int, total: int | None) -> None:
        self._demand_size(total or 0)
        free = disk_usage(self._part.parent).free
        if total is not None and total - begin > free:
            raise DownloadFailed(
                f"{self._source.shown} needs {_show_size(total - begin)}, "
                f"and {self._part.parent} has {_show_size(free)} free"
            )

    def _demand_size(self, count: int) -> None:
        if count > self._source.most_bytes:
            self._cut(0)
            raise DownloadFailed(
                f"cannot download {self._source.shown}: it is larger than "
                f"{_show_size(self._source.most_bytes)}",
                hint="look what is there: nothing that Holster needs is as large",
            )

    def _judge_status(self, code: int) -> None:
        """Raise what an answer other than a file means; nothing, where the file is whole already."""
        if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if self._digest() == self._source.sha256:
                return
            self._cut(0)
            raise _BrokenOffError("what had come before is of another file")
        # In words of ours: the server's may be anything.
        words = f"the server says {code}"
        with suppress(ValueError):
            words += f" {HTTPStatus(code).phrase}"
        if code >= HTTPStatus.INTERNAL_SERVER_ERROR or code == HTTPStatus.TOO_MANY_REQUESTS:
            raise _BrokenOffError(words)
        raise self._fail(words)

    @contextmanager
    def _network(self) -> Iterator[None]:
        """Say what went wrong on the other side, apart from what goes wrong on the disk."""
        try:
            yield
        except HTTPError:
            raise
        except TimeIsUp:
            raise self._late() from None
        except RedirectRefused as error:
            raise self._fail(str(error)) from None
        except URLError as error:
            self._judge_reason(error.reason)
        except (InvalidURL, ValueError):
            # Without its text, which quotes the address with its token.
            raise self._fail("it is no usable address, or the answer is none") from None
        except (OSError, HTTPException) as error:
            self._judge_reason(error)

    def _judge_reason(self, reason: object) -> NoReturn:
        """Raise what a failed connection means."""
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise self._fail(
                f"its certificate is not trusted: {reason.verify_message}",
                hint="behind an inspecting proxy: SSL_CERT_FILE names a file with your network's authority",
            ) from None
        if isinstance(reason, TimeoutError):
            raise _BrokenOffError(f"nothing came for {self._source.timeout_s:g} s") from None
        is_final = isinstance(reason, ConnectionRefusedError)
        words = (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or repr(reason)
        words = "".join(letter if letter.isprintable() else "?" for letter in words[:LONGEST_WORDS])
        if isinstance(reason, ConnectionError | HTTPException) and not is_final:
            raise _BrokenOffError(words) from None
        raise self._fail(words) from None

    def _fail(self, words: str, hint: str | None = None) -> DownloadFailed:
        return DownloadFailed(f"cannot download {self._source.shown}: {words}", hint=hint)

    def _late(self) -> DownloadFailed:
        return DownloadFailed(
            f"{self._source.shown} did not come in {self._source.most_s:g} s",
            hint="what has come is kept: the same command goes on there",
        )


def _show_size(count: int) -> str:
    return f"{count >> 20} MiB" if count >> 20 else f"{count} bytes"
