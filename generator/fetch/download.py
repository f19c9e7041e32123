"""Download one file: whole and with the promised digest, or not at all.

In: an address and a SHA-256.  Out: the file.  What has come of a transfer that broke off
stays beside it as `.part`, and the next attempt goes on there.  Proxies and the
authority that servers are checked with are those of every program of this machine:
HTTPS_PROXY, HTTP_PROXY and NO_PROXY, the system's store or SSL_CERT_FILE.
"""

from __future__ import annotations

import fcntl
import os
import re
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from hashlib import file_digest
from http.client import HTTPException
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import (
    HTTPBasicAuthHandler,
    HTTPPasswordMgrWithDefaultRealm,
    OpenerDirector,
    Request,
    build_opener,
)

from generator import __version__
from generator.errors import EnvironmentFailed, InputInvalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedRandom
    from pathlib import Path

    Progress = Callable[[int, int | None], None]

CHUNK: Final = 256 * 1024
ATTEMPTS: Final = 4
PAUSE_S: Final = 1.0
"""Before the second attempt; doubled before each further one."""
PARTIAL, BAD_RANGE, TOO_MANY, SERVER_ERROR = 206, 416, 429, 500


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
    """

    url: str
    sha256: str
    timeout_s: float

    @property
    def shown(self) -> str:
        """The address for people: without user, password and query, which may be a token."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def download(source: Source, target: Path, on_progress: Progress, *, pause_s: float = PAUSE_S) -> None:
    """Bring the file to `target`.

    Args:
        source: where from.
        target: appears only when it is whole; its folder must exist.
        on_progress: hears the bytes that are there, and how many there will be if the server says so.
        pause_s: before the second attempt.

    Raises:
        DownloadFailed: it did not come, with the reason.
        DigestMismatch: something else came; it is removed.
    """
    part = target.with_name(f"{target.name}.part")
    with part.open("a+b") as stream:
        _lock(stream, part)
        was_begun = stream.seek(0, os.SEEK_END) > 0
        _transfer(source, stream, on_progress, pause_s)
        found = _digest(stream)
        if found != source.sha256 and was_begun:
            # What was left of an earlier transfer may be of another file.
            stream.truncate(0)
            _transfer(source, stream, on_progress, pause_s)
            found = _digest(stream)
        if found != source.sha256:
            part.unlink()
            raise DigestMismatch(
                f"{source.shown} is not the file that was promised:\n"
                f"  SHA-256 declared  {source.sha256}\n  SHA-256 received  {found}",
                hint="compare the declared one with what the vendor publishes; nothing was kept",
            )
        os.fsync(stream.fileno())
        part.replace(target)


def _lock(stream: BufferedRandom, part: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise DownloadFailed(f"another process is downloading {part.stem}") from None


def _digest(stream: BufferedRandom) -> str:
    stream.flush()
    stream.seek(0)
    return file_digest(stream, "sha256").hexdigest()


def _transfer(source: Source, stream: BufferedRandom, on_progress: Progress, pause_s: float) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _receive(source, stream, on_progress)
        except _BrokenOffError as error:
            if attempt == ATTEMPTS:
                raise DownloadFailed(
                    f"{source.shown} did not come in {ATTEMPTS} attempts: {error}",
                    hint="what has come is kept: the same command goes on there",
                ) from None
            time.sleep(pause_s * 2 ** (attempt - 1))
        else:
            return


def _make_opener(source: Source) -> tuple[OpenerDirector, str]:
    parts = urlsplit(source.url)
    if parts.scheme not in {"http", "https"} or "@" not in parts.netloc:
        return build_opener(), source.url
    url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    passwords = HTTPPasswordMgrWithDefaultRealm()
    # Only this server is told; one that it redirects to is not.
    passwords.add_password(None, url, parts.username or "", parts.password or "")
    return build_opener(HTTPBasicAuthHandler(passwords)), url


def _receive(source: Source, stream: BufferedRandom, on_progress: Progress) -> None:
    """Append what is missing of the file; raise _BrokenOffError when it may be tried again."""
    had = stream.seek(0, os.SEEK_END)
    opener, url = _make_opener(source)
    request = Request(url, headers={"User-Agent": f"holster/{__version__}"})  # noqa: S310 -- the spec allows these schemes
    if had:
        request.add_header("Range", f"bytes={had}-")
    try:
        with closing(opener.open(request, timeout=source.timeout_s)) as response:
            begin, total = _read_range(response.status, response.headers, had)
            if begin != had:
                stream.truncate(0)
            count = begin
            while chunk := response.read(CHUNK):
                stream.write(chunk)
                count += len(chunk)
                on_progress(count, total)
    except HTTPError as error:
        with closing(error):
            _judge_status(source, error, stream)
        return
    except URLError as error:
        _judge_reason(source, error.reason)
    except (OSError, HTTPException) as error:
        _judge_reason(source, error)
    if total is not None and count < total:
        raise _BrokenOffError(f"the transfer ended after {count} of {total} bytes")


def _read_range(status: int | None, headers: object, had: int) -> tuple[int, int | None]:
    """Return where the body begins and how long the whole file is, if the server says so."""
    get = getattr(headers, "get", lambda _: None)
    if status == PARTIAL and (found := re.fullmatch(r"bytes (\d+)-\d+/(\d+)", get("Content-Range") or "")):
        if int(found[1]) == had:
            return had, int(found[2])
        raise _BrokenOffError("the server sent another part than the one that is missing")
    length = get("Content-Length") or ""
    return 0, int(length) if length.isdigit() else None


def _judge_status(source: Source, error: HTTPError, stream: BufferedRandom) -> None:
    """Raise what an answer other than a file means; nothing, where the file is whole already."""
    if error.code == BAD_RANGE:
        if _digest(stream) == source.sha256:
            return
        stream.truncate(0)
        raise _BrokenOffError("what had come before is of another file") from None
    words = f"the server says {error.code} {error.reason}"
    if error.code >= SERVER_ERROR or error.code == TOO_MANY:
        raise _BrokenOffError(words) from None
    raise DownloadFailed(f"cannot download {source.shown}: {words}") from None


def _judge_reason(source: Source, reason: object) -> NoReturn:
    """Raise what a failed connection means."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        raise DownloadFailed(
            f"cannot download {source.shown}: its certificate is not trusted: {reason.verify_message}",
            hint="behind an inspecting proxy: SSL_CERT_FILE names a file with your network's authority",
        ) from None
    if isinstance(reason, TimeoutError):
        raise _BrokenOffError(f"nothing came for {source.timeout_s:g} s") from None
    is_final = isinstance(reason, ConnectionRefusedError)
    words = (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or repr(reason)
    if isinstance(reason, ConnectionError | HTTPException) and not is_final:
        raise _BrokenOffError(words) from None
    raise DownloadFailed(f"cannot download {source.shown}: {words}") from None
