"""Keep bundles on the disk, for their owner alone.

In: a path.  Out: a bundle, or the file of one.  Errors name places, never content.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from errno import ELOOP, ENOLCK, EOPNOTSUPP
from fcntl import LOCK_EX, flock
from shlex import quote
from typing import TYPE_CHECKING, Final

from generator.credentials.document import format_bundle, parse_bundle
from generator.errors import BundleInvalid, EnvironmentFailed
from generator.whole_file import match_strays, replace_file

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from generator.credentials.bundle import CredentialBundle

MODE: Final = 0o600
FOLDER_MODE: Final = 0o700

MAX_BYTES: Final = 16 << 20
"""Eight thousand machines."""

IGNORE_ALL: Final = "# Made by Holster: nothing in this folder may be committed.\n*\n"


class BundleExists(EnvironmentFailed):
    """There is a bundle already, and nobody asked to replace it."""


def load_bundle(path: Path) -> CredentialBundle:
    """Return the bundle of a file.

    Raises:
        BundleInvalid: absent, unreadable, a link, open to others, or not a bundle.
    """
    try:
        return parse_bundle(_read_private(path), str(path))
    except FileNotFoundError:
        raise BundleInvalid(
            f"there is no credential bundle {path}",
            hint="holster secrets create makes one, and so does the first render",
        ) from None
    except OSError as error:
        if error.errno == ELOOP:
            raise BundleInvalid(
                f"{path} is a symbolic link; Holster follows none to secrets",
                hint="name the file itself with --secrets",
            ) from None
        raise BundleInvalid(f"cannot read {path}: {error.strerror}", hint="mend its permissions") from None


def _read_private(path: Path) -> bytes:
    _demand_own_folder(path.parent)
    # Not blocking: a pipe of that name must not hang a render.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise BundleInvalid(f"{path} is not a regular file", hint="name the bundle with --secrets")
        if found.st_mode & 0o077:
            raise BundleInvalid(
                f"{path} is open to others (mode {stat.S_IMODE(found.st_mode):04o}); "
                "it holds every secret of the cluster",
                hint=f"chmod 600 {quote(str(path))}",
            )
        if found.st_uid not in {0, os.geteuid()}:
            raise BundleInvalid(
                f"{path} belongs to another user (uid {found.st_uid}), who can change every secret in it",
                hint=f"look who wrote it; if it is yours: chown {os.geteuid()} {quote(str(path))}",
            )
        if found.st_size > MAX_BYTES:
            raise BundleInvalid(f"{path} is too large for a bundle", hint="name the bundle with --secrets")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _demand_own_folder(folder: Path) -> None:
    """Refuse a folder in which another user could exchange the bundle.

    Raises:
        BundleInvalid: everybody may write it, or, for root, anybody but root.
        OSError: it cannot be looked at.
    """
    link, found = folder.lstat(), folder.stat()
    # In a sticky folder others may not rename what is ours.
    writers = 0 if found.st_mode & stat.S_ISVTX else found.st_mode & 0o022
    is_root = os.geteuid() == 0
    if writers & 0o002 or (is_root and (writers or found.st_uid or link.st_uid)):
        raise BundleInvalid(
            f"another user can write {folder} (uid {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o}), "
            "and so exchange the secrets of the cluster",
            hint=f"chown {os.geteuid()} {quote(str(folder))} && chmod 700 {quote(str(folder))}, "
            "after a look at what is in it",
        )


def save_bundle(path: Path, bundle: CredentialBundle, *, replace: bool = False) -> None:
    """Write a bundle, whole or not at all, for its owner alone; it is on the disk afterwards.

    Args:
        path: the file; its folder is made, closed to others and to git, when absent.
        bundle: the bundle.
        replace: overwrite an existing file.

    Raises:
        BundleExists: there is a file already and `replace` is not set.
        EnvironmentFailed: it cannot be written.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise EnvironmentFailed(
            f"cannot write {path}: it is not a regular file", hint="name another file with --secrets"
        )
    try:
        _make_folder(path.parent)
        _demand_own_folder(path.parent)
        _write(path, format_bundle(bundle), replace=replace)
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot write {path}: {error.strerror}", hint="mend the cause; the last bundle is as it was"
        ) from None


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        # Another Holster was faster, or it is a file: the next step tells.
        return
    (folder / ".gitignore").write_text(IGNORE_ALL)


def _write(path: Path, content: bytes, *, replace: bool) -> None:
    try:
        replace_file(path, content, mode=MODE, keeps_old=not replace)
    except FileExistsError:
        raise BundleExists(
            f"{path} exists already and is not overwritten",
            hint="its secrets are in use; move it away first if they are not",
        ) from None


def remove_strays(path: Path) -> tuple[Path, ...]:
    """Remove the copies of a bundle that interrupted calls left beside it; return their paths.

    Nothing is removed where another call may be writing: on a file system without locks.

    Raises:
        EnvironmentFailed: they cannot be removed.
    """
    pattern = match_strays(path)
    try:
        if not path.parent.is_dir() or not _find_strays(path.parent, pattern):
            return ()
        with _lock_folder(path.parent) as is_locked:
            strays = _find_strays(path.parent, pattern) if is_locked else ()
            for stray in strays:
                stray.unlink()
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot remove what an interrupted command left in {path.parent}: {error.strerror}",
            hint="mend the cause: copies of secrets may be among it",
        ) from None
    return strays


def _find_strays(folder: Path, pattern: re.Pattern[str]) -> tuple[Path, ...]:
    return tuple(sorted(found for found in folder.iterdir() if pattern.fullmatch(found.name)))


def update_bundle(
    path: Path, change: Callable[[CredentialBundle | None], CredentialBundle]
) -> CredentialBundle:
    """Let `change` make or extend the bundle; written only where it returns another object.

    Two Holsters that start at once agree on one bundle: the second one is given what
    the first one wrote.

    Args:
        path: the file.
        change: is given the bundle of the file, None where there is no file; must not
            have effects, as it may be called twice.

    Raises:
        BundleInvalid: what is there cannot be used.
        EnvironmentFailed: it cannot be written.
    """
    if os.path.lexists(path):
        bundle = load_bundle(path)
        if (same := change(bundle)) is bundle:
            return same
    try:
        _make_folder(path.parent)
        with _lock_folder(path.parent):
            old = load_bundle(path) if os.path.lexists(path) else None
            new = change(old)
            if new is not old:
                save_bundle(path, new, replace=old is not None)
            return new
    except OSError as error:
        raise EnvironmentFailed(f"cannot write {path}: {error.strerror}", hint="mend the cause") from None


@contextmanager
def _lock_folder(folder: Path) -> Iterator[bool]:
    """Hold the folder for this process; yield whether that was possible."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        is_locked = True
        try:
            flock(descriptor, LOCK_EX)
        except OSError as error:
            # A file system without locks: creation stays safe, it fails on an existing file.
            if error.errno not in {ENOLCK, EOPNOTSUPP}:
                raise
            is_locked = False
        yield is_locked
    finally:
        os.close(descriptor)
