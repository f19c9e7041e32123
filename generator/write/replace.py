"""Replace a folder of files by a new one in one step.

In: the target, the manifest of what it is to hold, and the new bytes.  Out: the
target holds exactly that, and beside it what Holster did not make.

The new tree is built whole beside the old one, in `.<name>.partial`; files that
stay as they are become hard links, so that neither bytes nor times change.  Then
old and new exchange their names in one step of the kernel, and the old tree is
taken apart: listed files are deleted, all others are moved over.  So a full disk, a
signal or a power cut leaves either the old tree or the new one; what is left beside
it is cleared by the next call.  Where the file system has no exchange, two renames
follow each other; between them the old tree is whole under `.<name>.previous`, and
the next call puts it back.

Before an old tree is given up, one syncfs brings the new one to the disk.  A first
render has nothing to lose and does not wait: its files can be made again, and the
digests in the manifest tell a later call whether they are whole.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from shutil import rmtree
from typing import TYPE_CHECKING, Final

from generator.errors import EnvironmentFailed
from generator.layout import MANIFEST
from generator.write import linux
from generator.write.manifest import (
    PUBLIC_MODE,
    Manifest,
    ManifestInvalid,
    format_manifest,
    list_folders,
    load_manifest,
    read_regular_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class TreePaths:
    """The target and the names beside it that are in use while it is replaced."""

    target: Path

    @property
    def partial(self) -> Path:
        """The tree that is being built; after the exchange, the old one."""
        return self.target.with_name(f".{self.target.name}.partial")

    @property
    def previous(self) -> Path:
        """The old tree, where names cannot be exchanged."""
        return self.target.with_name(f".{self.target.name}.previous")

    @property
    def manifest(self) -> Path:
        """A new manifest, on its way into a tree that otherwise stays."""
        return self.target.with_name(f".{self.target.name}.{MANIFEST}")

    @property
    def lock(self) -> Path:
        """Held while one Holster writes here."""
        return self.target.with_name(f".{self.target.name}.lock")

    def has_leftovers(self) -> bool:
        """Say whether an interrupted call left something behind."""
        return any(map(os.path.lexists, (self.partial, self.previous, self.manifest)))


@contextmanager
def hold_lock(places: TreePaths) -> Iterator[None]:
    """Keep other processes from writing the target; the lock dies with its process.

    Raises:
        EnvironmentFailed: another one holds it.
    """
    while True:
        descriptor = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
            # The last holder may have removed the name between our open and our flock.
            if os.path.lexists(places.lock) and os.path.samestat(os.fstat(descriptor), places.lock.lstat()):
                break
        except BlockingIOError:
            os.close(descriptor)
            raise EnvironmentFailed(
                f"another Holster is writing {places.target} at this moment",
                hint="wait until it is done, then try again",
            ) from None
        os.close(descriptor)
    try:
        yield
    finally:
        places.lock.unlink(missing_ok=True)
        os.close(descriptor)


def recover(places: TreePaths) -> None:
    """Clear what an interrupted call left; afterwards the target is the old tree or the new one.

    Raises:
        EnvironmentFailed: a file that Holster did not make has no place in the new tree.
        OSError: the folder cannot be written.
    """
    places.manifest.unlink(missing_ok=True)
    for leftover in (places.previous, places.partial):
        _demand_own_folder(leftover)
    if os.path.lexists(places.previous):
        if os.path.lexists(places.target):
            _take_apart(places.previous, places.target)
        else:
            places.previous.rename(places.target)
    if os.path.lexists(places.partial):
        _take_apart(places.partial, places.target)


def _demand_own_folder(path: Path) -> None:
    """Refuse to touch a leftover that cannot be one, such as a link that someone planted."""
    if not os.path.lexists(path):
        return
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EnvironmentFailed(
            f"{path} is in the way: it is no folder of this user", hint="move it away, then render again"
        )


def replace_manifest(places: TreePaths, manifest: Manifest) -> None:
    """Exchange the manifest alone, in one step; for a tree whose files stay as they are.

    Raises:
        OSError: it could not be written; the old one is as it was.
    """
    try:
        _create(str(places.manifest), format_manifest(manifest), PUBLIC_MODE)
        places.manifest.replace(places.target / MANIFEST)
    finally:
        places.manifest.unlink(missing_ok=True)


def replace_tree(
    places: TreePaths, manifest: Manifest, contents: Mapping[str, bytes], old: Manifest | None
) -> tuple[str, ...]:
    """Make the target hold what `manifest` lists; return the paths that were written anew.

    Args:
        places: target; its lock is held, leftovers are cleared.
        manifest: the new tree.
        contents: bytes by path; entries without are taken over from the old tree.
        old: the old tree's manifest, None where the target is absent or empty.

    Raises:
        OSError: the new tree could not be made; the old one is as it was.
        EnvironmentFailed: likewise, or what is left of the old tree cannot be cleared.
    """
    try:
        written = _build(places, manifest, contents, old)
        if old is None:
            places.partial.rename(places.target)
            return written
        linux.flush_file_system(str(places.partial))
        retired = _exchange(places)
    except BaseException:
        # Space first: the user needs it more than we need traces.  An exchange that took
        # place is known by the target's manifest, so the old tree is not what is removed.
        if not _is_manifest_of(places.target, manifest) or old is None:
            rmtree(places.partial, ignore_errors=True)
        raise
    try:
        _take_apart(retired, places.target)
    except OSError as error:
        raise EnvironmentFailed(
            f"the new output is in place, but the old one cannot be cleared from {retired}: {error.strerror}",
            hint="mend the cause; the next render clears it",
        ) from None
    return written


def _build(
    places: TreePaths, manifest: Manifest, contents: Mapping[str, bytes], old: Manifest | None
) -> tuple[str, ...]:
    target, partial = str(places.target), str(places.partial)
    for name, mode in list_folders(manifest.entries).items():
        folder = f"{partial}/{name}"
        os.mkdir(folder, mode)  # noqa: PTH102 -- Path objects double the time of a thousand nodes
        os.chmod(folder, mode)  # noqa: PTH101 -- likewise; the umask may have taken bits away
    known = old.paths if old else frozenset()
    written = []
    for entry in manifest.entries:
        source, path = f"{target}/{entry.path}", f"{partial}/{entry.path}"
        content = contents.get(entry.path)
        if content is None:
            _keep(source, path, entry.path)
        elif not (
            entry.path in known
            and read_regular_file(source, size=len(content)) == (entry.mode, content)
            and _link(source, path)
        ):
            _create(path, content, entry.mode)
            written.append(entry.path)
    _create(f"{partial}/{MANIFEST}", format_manifest(manifest), PUBLIC_MODE)
    return tuple(written)


def _create(path: str, content: bytes, mode: int) -> None:
    descriptor = os.open(path, CREATE, mode)
    try:
        os.fchmod(descriptor, mode)
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


def _link(source: str, path: str) -> bool:
    try:
        os.link(source, path, follow_symlinks=False)
    except OSError:
        # A file system without links, or too many of them: the file is written anew.
        return False
    return True


def _keep(source: str, path: str, name: str) -> None:
    """Take a file of another node over as it is.

    Raises:
        EnvironmentFailed: it is gone.
    """
    found = read_regular_file(source)
    if found is None:
        raise EnvironmentFailed(
            f"{name} of the last render is missing; nothing was written",
            hint="render all nodes, without --node",
        )
    if not _link(source, path):
        _create(path, found[1], found[0])


def _exchange(places: TreePaths) -> Path:
    """Put the new tree in the old one's place; return where the old one is now."""
    if linux.exchange(str(places.partial), str(places.target)):
        return places.partial
    places.target.rename(places.previous)
    try:
        places.partial.rename(places.target)
    except BaseException:
        places.previous.rename(places.target)
        raise
    return places.previous


def _is_manifest_of(folder: Path, manifest: Manifest) -> bool:
    with suppress(ManifestInvalid):
        return load_manifest(folder) == manifest
    return False


def _take_apart(retired: Path, target: Path) -> None:
    """Delete a tree that is no longer used, but move to `target` what Holster did not make.

    A tree without manifest is one whose building was interrupted: all in it is ours.
    """
    try:
        manifest = load_manifest(retired)
    except ManifestInvalid:
        manifest = None
    if manifest is None:
        rmtree(retired)
        return
    _take_folder_apart("", retired, target, manifest.paths, frozenset(list_folders(manifest.entries)))
    # Last: until here the list tells an interrupted call's successor what is ours.
    (retired / MANIFEST).unlink()
    retired.rmdir()


def _take_folder_apart(
    folder: str, retired: Path, target: Path, files: frozenset[str], folders: frozenset[str]
) -> None:
    with os.scandir(retired / folder) as found:
        entries = list(found)
    for entry in entries:
        name = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            # A folder of the user's that the new tree has, too, is merged with it.
            if name in folders or _is_folder(target / name):
                _take_folder_apart(name, retired, target, files, folders)
                os.rmdir(entry.path)  # noqa: PTH106 -- Path objects double the time of a thousand nodes
                continue
        elif name in files:
            os.unlink(entry.path)  # noqa: PTH108 -- likewise
            continue
        if name != MANIFEST:
            _move_over(name, retired, target)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _move_over(name: str, retired: Path, target: Path) -> None:
    destination = target / name
    if os.path.lexists(destination):
        raise EnvironmentFailed(
            f"{retired / name} was not made by Holster, and the new output has a file of that name",
            hint="move it away; the next render clears the rest",
        )
    _make_folders(destination.parent)
    (retired / name).rename(destination)


def _make_folders(folder: Path) -> None:
    if folder.exists():
        return
    _make_folders(folder.parent)
    folder.mkdir(mode=stat.S_IRWXU)
