"""Put a rendered tree on the disk: all of it or nothing.

In: rendered files, the ISO images among them, and what they were made from.
Out: the cluster's output folder and a WriteReport.  Never renders and never starts
programs.  How all-or-nothing is kept stands in staging.py.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from pathlib import Path
from typing import TYPE_CHECKING

from generator.errors import EnvironmentFailed, OutputRejected, UsageInvalid
from generator.layout import MANIFEST, NODES
from generator.write.manifest import (
    Manifest,
    ManifestInputs,
    ManifestInvalid,
    build_manifest,
    describe_file,
    is_intact,
    list_folders,
    load_manifest,
)
from generator.write.replace import TreePaths, hold_lock, recover, replace_manifest, replace_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from generator.render.rendered import RenderedFile


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a call did, the manifest aside; paths are relative to the output folder."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int

    @property
    def has_changed(self) -> bool:
        """Whether any file on the disk is different now."""
        return bool(self.written or self.removed)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the folder will hold: `contents` are new bytes, all other entries are kept."""

    manifest: Manifest
    contents: dict[str, bytes]


def _check_paths(files: list[RenderedFile]) -> None:
    """Refuse paths that would leave the folder or collide: a renderer's bug."""
    seen: set[str] = set()
    folders: set[str] = set()
    for file in files:
        # Text, as a thousand nodes pass here: pathlib's parts would take a third of the whole call.
        path = str(file.path)
        if path[0] == "/" or "/../" in f"/{path}/" or path in seen or path in {".", MANIFEST}:
            raise OutputRejected(f"a renderer made an impossible path: {path!r}")
        seen.add(path)
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    if clash := sorted(folders & seen):
        raise OutputRejected(f"a renderer made a file and a folder of one name: {clash[0]!r}")


def _name_node(path: str) -> str | None:
    parts = path.split("/", 2)
    return parts[1] if len(parts) == 3 and parts[0] == NODES else None  # noqa: PLR2004 -- nodes/NAME/…


def _plan(files: list[RenderedFile], inputs: ManifestInputs, old: Manifest | None, *, partial: bool) -> _Plan:
    entries = [describe_file(file) for file in files]
    contents = {entry.path: file.content for entry, file in zip(entries, files, strict=True)}
    if not partial:
        return _Plan(build_manifest(inputs, entries, is_mixed=False), contents)
    rendered = {_name_node(path) for path in contents} - {None}
    kept = [
        entry
        for entry in (old.entries if old else ())
        if entry.path not in contents and _name_node(entry.path) not in rendered
    ]
    # Only a whole render may claim that every file comes from these inputs.
    is_mixed = old is None or old.is_mixed or old.inputs != inputs
    return _Plan(build_manifest(inputs, [*entries, *kept], is_mixed=is_mixed), contents)


def _load_old(directory: Path) -> Manifest | None:
    """Return the manifest of what is there; None where there is nothing yet.

    Raises:
        UsageInvalid: the folder holds something else.
    """
    try:
        found = directory.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(found.st_mode):
        raise UsageInvalid(
            f"{directory} is not a folder; Holster writes into real folders only and follows no links",
            hint="move it away, or choose another --output",
        )
    try:
        manifest = load_manifest(directory)
    except ManifestInvalid as error:
        raise UsageInvalid(
            f"{directory / MANIFEST} {error}; nothing was written",
            hint="move the folder away, or choose another --output",
        ) from None
    if manifest is None and any(directory.iterdir()):
        raise UsageInvalid(
            f"{directory} is not empty and holds no {MANIFEST} of Holster; nothing was written",
            hint="choose an empty or a new folder with --output",
        )
    return manifest


def _check_in_the_way(directory: Path, plan: _Plan, old: Manifest) -> None:
    """Refuse to write over what Holster did not make."""
    if old.inputs.cluster != plan.manifest.inputs.cluster:
        raise UsageInvalid(
            f"{directory} holds the output of the cluster {old.inputs.cluster}; nothing was written",
            hint="choose another --output",
        )
    for name in list_folders(plan.manifest.entries):
        path = directory / name
        if name not in old.paths and os.path.lexists(path) and not stat.S_ISDIR(path.lstat().st_mode):
            raise UsageInvalid(
                f"{path} is in the way: a folder is needed there; nothing was written", hint="move it away"
            )
    for name in sorted(plan.manifest.paths - old.paths - set(list_folders(old.entries))):
        if os.path.lexists(directory / name):
            raise UsageInvalid(
                f"{directory / name} is in the way and was not made by Holster; nothing was written",
                hint="move it away",
            )


def has_leftovers(directory: Path) -> bool:
    """Say whether an interrupted call left something beside the folder; the next `write_tree` clears it."""
    return TreePaths(Path(os.path.abspath(directory))).has_leftovers()  # noqa: PTH100 -- resolve() would follow links


def write_tree(
    files: Iterable[RenderedFile], directory: Path, inputs: ManifestInputs, *, partial: bool = False
) -> WriteReport:
    """Make the folder hold these files, and no other file that an earlier call made.

    Files that are the same already are not touched; where all are, nothing is written
    at all.  Files that Holster did not make stay.  Secret files become 0600, all others
    0644; a folder with a secret anywhere below becomes 0700.

    Args:
        files: the whole output of the cluster, or with `partial` that of some nodes.
        directory: the cluster's output folder; made when absent.
        inputs: what the files were made from.
        partial: keep the other nodes' files and their place in the manifest.

    Raises:
        UsageInvalid: the folder, or a file in it, is not Holster's.
        EnvironmentFailed: disk full, no permission, another Holster at work.
        OutputRejected: a path that no renderer may make.
    """
    rendered = list(files)
    _check_paths(rendered)
    places = TreePaths(Path(os.path.abspath(directory)))  # noqa: PTH100 -- resolve() would follow links
    try:
        if not places.has_leftovers():
            report = _compare(rendered, places, inputs, partial=partial)
            if report is not None:
                return report
        places.target.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(places):
            return _write(rendered, places, inputs, partial=partial)
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot write {error.filename or directory}: {error.strerror}; the last output is as it was",
            hint=_hint(error),
        ) from None


def _hint(error: OSError) -> str | None:
    if error.errno in {ENOSPC, EDQUOT, EFBIG}:
        return "free some space, or choose another --output"
    if error.errno in {EACCES, EPERM, EROFS}:
        return "mend the folder's permissions, or choose another --output"
    return None


def _compare(
    files: list[RenderedFile], places: TreePaths, inputs: ManifestInputs, *, partial: bool
) -> WriteReport | None:
    """Return the report where nothing is to be done; reads only."""
    old = _load_old(places.target)
    if old is None:
        return None
    plan = _plan(files, inputs, old, partial=partial)
    if plan.manifest == old and is_intact(places.target, old):
        return WriteReport(written=(), removed=(), unchanged=len(old.entries))
    return None


def _write(
    files: list[RenderedFile], places: TreePaths, inputs: ManifestInputs, *, partial: bool
) -> WriteReport:
    recover(places)
    old = _load_old(places.target)
    plan = _plan(files, inputs, old, partial=partial)
    if old is not None:
        _check_in_the_way(places.target, plan, old)
        if plan.manifest.entries == old.entries and is_intact(places.target, old):
            # The spec's comments changed, or the program, but not one byte of the output.
            replace_manifest(places, plan.manifest)
            return WriteReport(written=(), removed=(), unchanged=len(old.entries))
    written = replace_tree(places, plan.manifest, plan.contents, old)
    removed = sorted(old.paths - plan.manifest.paths) if old else []
    return WriteReport(written, tuple(removed), len(plan.manifest.entries) - len(written))
