"""Files of the machine, below a root folder: `/` on a node, a folder in tests.

Writes are atomic and reach the disk before the call returns: a power cut leaves
the old file or the new one, never half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import IO, Any, Iterable, Iterator, NamedTuple

LARGEST = 16 << 20
"""Bytes of a file that is read as a whole; a payload's are a hundredth of it."""


class Account(NamedTuple):
    """Numbers of a user and its primary group."""

    uid: int
    gid: int


class RootFs:
    """The file tree of one machine; every path is given as the machine sees it."""

    def __init__(self, root: str = "/") -> None:
        self.root = Path(root)

    def at(self, path: str) -> Path:
        """Return where the machine's `path` is for this process."""
        return self.root / path.lstrip("/")

    def read(self, path: str) -> str | None:
        """Return a file's text, or None when it is missing, unreadable, no file or too large."""
        try:
            # Not for ever: a named pipe has no end, and no beginning.
            handle = os.open(str(self.at(path)), os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    return None
                data = stream.read(LARGEST + 1)
        except OSError:
            return None
        return data.decode(errors="replace") if len(data) <= LARGEST else None

    def read_mapping(self, path: str) -> dict[str, Any] | None:
        """Return the mapping that a JSON file holds, or None: missing, damaged, too deep, none."""
        try:
            data = json.loads(self.read(path) or "")
        except (ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) else None

    def read_blocks(self, path: str) -> Iterator[bytes]:
        """Yield a file's bytes.

        Raises:
            OSError: it is missing or unreadable.
        """
        with self.at(path).open("rb") as stream:
            yield from read_blocks(stream)

    def digest(self, path: str) -> str | None:
        """Return the SHA-256 of a file in hexadecimal, or None when it is missing."""
        result = hashlib.sha256()
        try:
            for block in self.read_blocks(path):
                result.update(block)
        except OSError:
            return None
        return result.hexdigest()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Replace a file by a text, atomically; its folder is made when missing."""
        self.write_blocks(path, (text.encode(),), mode)

    def write_blocks(self, path: str, blocks: Iterable[bytes], mode: int) -> None:
        """Replace a file atomically by blocks of bytes; when they end in an exception, the file stays."""
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # One fixed name: what an interrupted write leaves behind is overwritten by the next one.
        draft = target.with_name(f".{target.name}.new")
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        handle = os.open(str(draft), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.writelines(blocks)
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
        except BaseException:
            # A disk that ran full must not stay full.
            draft.unlink()
            raise
        draft.replace(target)
        _sync_folder(target.parent)

    def link(self, path: str, target: str) -> None:
        """Replace a file by a symbolic link to `target`, atomically."""
        draft = self.at(path).with_name(f".{self.at(path).name}.new")
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        draft.symlink_to(target)
        draft.replace(self.at(path))
        _sync_folder(draft.parent)

    def remove(self, path: str) -> bool:
        """Remove a file; return whether there was one."""
        try:
            self.at(path).unlink()
        except OSError:
            return False
        return True

    def account(self, user: str) -> Account | None:
        """Look a user up in /etc/passwd: the cluster's users are local system users."""
        fields = _find_entry(self.read("/etc/passwd"), user)
        return Account(int(fields[2]), int(fields[3])) if fields else None

    def group(self, name: str) -> int | None:
        """Return the number of a group of /etc/group, or None."""
        fields = _find_entry(self.read("/etc/group"), name)
        return int(fields[2]) if fields else None

    def own(self, path: str, owner: str, group: str, mode: int) -> None:
        """Set owner, group and mode of a file or folder.

        Raises:
            LookupError: the user or the group does not exist.
        """
        account = self.account(owner)
        number = self.group(group)
        if account is None or number is None:
            raise LookupError(f"user {owner} or group {group} does not exist")
        target = self.at(path)
        os.chown(str(target), account.uid, number)
        # After chown: it clears the set-id bits.
        target.chmod(mode)

    def make_folder(self, path: str, owner: str, group: str, mode: int) -> None:
        """Make a folder, its parents included, and set who owns it."""
        self.at(path).mkdir(parents=True, exist_ok=True)
        self.own(path, owner, group, mode)

    def entries(self, path: str) -> Iterator[str]:
        """Yield the names inside a folder, sorted; nothing when it is missing."""
        with contextlib.suppress(OSError):
            yield from sorted(entry.name for entry in self.at(path).iterdir())


def read_blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what a stream holds, a MiB at a time."""
    return iter(lambda: stream.read(1 << 20), b"")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(str(folder), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _find_entry(text: str | None, name: str) -> list[str] | None:
    minimum = 3
    for line in (text or "").splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) > minimum:
            return fields
    return None
