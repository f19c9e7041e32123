"""Download one file: whole and with the promised digest, or not at all.

In: an address and a SHA-256.  Out: the file.  What has come of a transfer that broke off
stays beside it as `.part`, and the next attempt goes on there.
"""

from __future__ import annotations

import fcntl
import os
import stat
from typing import TYPE_CHECKING, Final

from generator.artifacts.transfer import DownloadFailed, Transfer

if TYPE_CHECKING:
    from io import BufferedRandom
    from pathlib import Path

    from generator.artifacts.transfer import Progress, Source

PAUSE_S: Final = 1.0
"""Before the second attempt; doubled before each further one."""


def download(source: Source, target: Path, on_progress: Progress, *, pause_s: float = PAUSE_S) -> None:
    """Bring the file to `target`.

    Args:
        source: where from.
        target: appears only when it is whole; its folder must exist.
        on_progress: hears the bytes that are there, and how many there will be if the server says so.
        pause_s: before the second attempt.

    Raises:
        DownloadFailed: it did not come, or cannot be written, with the reason.
        DigestMismatch: something else came; it is removed.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with os.fdopen(_open_part(part), "r+b") as stream:
            _lock(stream, part)
            Transfer(source, stream, part, on_progress, pause_s).run()
            os.fsync(stream.fileno())
            part.replace(target)
    except OSError as error:
        # What the other side does wrong has its words already: this is the disk's.
        raise DownloadFailed(f"cannot write {target}: {error.strerror}") from None


def _open_part(part: Path) -> int:
    """Open what has come so far: never through a link, and only a file of this user alone.

    Raises:
        DownloadFailed: something else has its name.
        OSError: the folder cannot be written.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(part, flags | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        pass
    try:
        descriptor = os.open(part, flags)
    except OSError as error:
        raise _refuse(part, os.strerror(error.errno or 0)) from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
        os.close(descriptor)
        raise _refuse(part, "it is no regular file of this user alone")
    return descriptor


def _refuse(part: Path, reason: str) -> DownloadFailed:
    return DownloadFailed(f"{part} is in the way: {reason}", hint="remove it, then try again")


def _lock(stream: BufferedRandom, part: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held the lock until now may have given the file its final name.
        is_ours = os.path.samestat(os.fstat(stream.fileno()), part.lstat())
    except OSError:
        is_ours = False
    if not is_ours:
        raise DownloadFailed(
            f"another process is downloading {part.stem}", hint="wait for it, then try again"
        ) from None
