"""Keep bundles on the disk, for their owner alone.

In: a path.  Out: a bundle, or the file of one.  Errors name places, never content.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from errno import ELOOP, ENOLCK, EOPNOTSUPP
from fcntl import LOCK_EX, flock
from secrets import token_hex
from shlex import quote
from typing import TYPE_CHECKING, Final

from generator.credentials.document import format_bundle, parse_bundle
from generator.errors import BundleInvalid, EnvironmentFailed

if TYPE_CHECKING:
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
        if found.st_size > MAX_BYTES:
            raise BundleInvalid(f"{path} is too large for a bundle", hint="name the bundle with --secrets")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


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
    partial = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if replace:
            partial.replace(path)
        else:
            _claim(path, partial)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _claim(path: Path, partial: Path) -> None:
    try:
        # A link, unlike a rename, fails where another process was faster.
        os.link(partial, path)
    except FileExistsError:
        raise BundleExists(
            f"{path} exists already and is not overwritten",
            hint="its secrets are in use; move it away first if they are not",
        ) from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
def _lock_folder(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            flock(descriptor, LOCK_EX)
        except OSError as error:
            # A file system without locks: creation stays safe, it fails on an existing file.
            if error.errno not in {ENOLCK, EOPNOTSUPP}:
                raise
        yield
    finally:
        os.close(descriptor)
