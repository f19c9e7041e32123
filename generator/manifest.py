"""The manifest of one cluster's output: every file with digest, mode and secret flag.

In: rendered files and the digests of what they were made from.  Out: manifest.json
as bytes, and the answer whether a folder still is what its manifest says.  Never
writes.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from generator.layout import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from generator.render.rendered import RenderedFile

MANIFEST_VERSION: Final = 1
SECRET_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644
SECRET_FOLDER_MODE: Final = 0o700
PUBLIC_FOLDER_MODE: Final = 0o755


@dataclass(frozen=True, slots=True)
class ManifestInputs:
    """What an output was made from; equal inputs make equal bytes.

    `bundle_sha256` gives no secret away: the bundle holds far more than 128 random
    bits, so that no guess can be tried against its digest.

    Attributes:
        cluster: the cluster's name.
        tool_version: version of Holster.
        spec_sha256, bundle_sha256: digests of the two files.
        templates_sha256: digest of templates, fragments and platform profiles; it
            changes while someone works on them, when the version does not.
    """

    cluster: str
    tool_version: str
    spec_sha256: str
    bundle_sha256: str
    templates_sha256: str = ""


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One file: path relative to the manifest, and what it must be.

    `owner`, `group` and `node_mode` say how a payload file lies on its node.
    """

    path: str
    sha256: str
    size: int
    mode: int
    is_secret: bool
    owner: str | None = None
    group: str | None = None
    node_mode: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it stands in the file."""
        entry: dict[str, Any] = {
            "path": self.path,
            "sha256": self.sha256,
            "size": self.size,
            "mode": f"{self.mode:04o}",
            "secret": self.is_secret,
        }
        if self.owner is not None:
            entry["owner"] = self.owner
        if self.group is not None:
            entry["group"] = self.group
        if self.node_mode is not None:
            entry["node_mode"] = f"{self.node_mode:04o}"
        return entry


@dataclass(frozen=True, slots=True)
class Manifest:
    """The list of an output's files, sorted by path.

    `is_mixed`: some nodes were rendered from other inputs (`--node`), so that the
    inputs do not speak for every file.
    """

    inputs: ManifestInputs
    entries: tuple[ManifestEntry, ...]
    is_mixed: bool = False

    @property
    def paths(self) -> frozenset[str]:
        """The paths of all files."""
        return frozenset(entry.path for entry in self.entries)


class ManifestInvalid(Exception):
    """A manifest.json that Holster cannot have written."""


def describe_file(file: RenderedFile) -> ManifestEntry:
    """Return the manifest's entry of a rendered file."""
    return ManifestEntry(
        path=str(file.path),
        sha256=sha256(file.content).hexdigest(),
        size=len(file.content),
        mode=SECRET_MODE if file.is_secret else PUBLIC_MODE,
        is_secret=file.is_secret,
        owner=file.owner,
        group=file.group,
        node_mode=file.mode,
    )


def build_manifest(inputs: ManifestInputs, entries: Iterable[ManifestEntry], *, is_mixed: bool) -> Manifest:
    """Return the manifest of these entries."""
    return Manifest(inputs, tuple(sorted(entries, key=lambda entry: entry.path)), is_mixed)


def format_manifest(manifest: Manifest) -> bytes:
    """Return manifest.json: one line per file, so that a diff names the files that changed."""
    inputs = manifest.inputs
    head: dict[str, Any] = {
        "holster_manifest": MANIFEST_VERSION,
        "cluster": inputs.cluster,
        "tool_version": inputs.tool_version,
        "spec_sha256": inputs.spec_sha256,
        "bundle_sha256": inputs.bundle_sha256,
        "templates_sha256": inputs.templates_sha256,
    }
    if manifest.is_mixed:
        head["mixed"] = True
    lines = [f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items()]
    files = ",\n".join(json.dumps(entry.to_json()) for entry in manifest.entries)
    return f'{{\n{"".join(lines)}"files": [\n{files}\n]\n}}\n'.encode()


def _parse_entry(entry: dict[str, Any]) -> ManifestEntry:
    path = str(entry["path"])
    if path.startswith("/") or ".." in path.split("/"):
        raise ManifestInvalid("names a path outside its folder")
    node_mode = entry.get("node_mode")
    return ManifestEntry(
        path=path,
        sha256=str(entry["sha256"]),
        size=int(entry["size"]),
        mode=int(entry["mode"], 8),
        is_secret=bool(entry["secret"]),
        owner=entry.get("owner"),
        group=entry.get("group"),
        node_mode=None if node_mode is None else int(node_mode, 8),
    )


def parse_manifest(text: bytes) -> Manifest:
    """Return the manifest of a manifest.json.

    Raises:
        ManifestInvalid: Holster cannot have written it.
    """
    try:
        data = json.loads(text)
        if data["holster_manifest"] != MANIFEST_VERSION:
            raise ManifestInvalid("was written by another release of Holster")
        inputs = ManifestInputs(
            cluster=str(data["cluster"]),
            tool_version=str(data["tool_version"]),
            spec_sha256=str(data["spec_sha256"]),
            bundle_sha256=str(data["bundle_sha256"]),
            templates_sha256=str(data["templates_sha256"]),
        )
        entries = tuple(_parse_entry(entry) for entry in data["files"])
        return Manifest(inputs, entries, is_mixed=data.get("mixed") is True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ManifestInvalid("is not a manifest of Holster") from None


def read_regular_file(path: str) -> tuple[int, bytes] | None:
    """Return mode and bytes of a regular file; None for anything else, links included."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        chunks = []
        while chunk := os.read(descriptor, max(found.st_size + 1, 1 << 16)):
            chunks.append(chunk)
        return stat.S_IMODE(found.st_mode), b"".join(chunks)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def load_manifest(directory: Path) -> Manifest | None:
    """Return the manifest of an output folder; None where there is none.

    Raises:
        ManifestInvalid: there is a manifest.json, but not one of Holster.
    """
    found = read_regular_file(f"{directory}/{MANIFEST}")
    if found is None:
        return None
    return parse_manifest(found[1])


def list_folders(entries: Iterable[ManifestEntry]) -> dict[str, int]:
    """Return every folder of these files with its mode, parents first; "" is the root.

    A folder with a secret anywhere below is 0700, so that not even names are seen.
    """
    folders = {"": PUBLIC_FOLDER_MODE}
    for entry in entries:
        parent = entry.path.rpartition("/")[0]
        while True:
            mode = SECRET_FOLDER_MODE if entry.is_secret else PUBLIC_FOLDER_MODE
            known = folders.get(parent)
            if known in {mode, SECRET_FOLDER_MODE}:
                # Every parent of a folder already is at least as closed.
                break
            folders[parent] = mode
            if not parent:
                break
            parent = parent.rpartition("/")[0]
    return dict(sorted(folders.items()))


def _is_folder(path: str, mode: int) -> bool:
    try:
        found = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISDIR(found) and stat.S_IMODE(found) == mode


def is_intact(directory: Path, manifest: Manifest) -> bool:
    """Say whether every listed file and its folder is there with the listed bytes and mode."""
    if not all(
        _is_folder(f"{directory}/{name}", mode) for name, mode in list_folders(manifest.entries).items()
    ):
        return False
    for entry in manifest.entries:
        found = read_regular_file(f"{directory}/{entry.path}")
        if found is None or found[0] != entry.mode or sha256(found[1]).hexdigest() != entry.sha256:
            return False
    return True


def is_current(directory: Path, inputs: ManifestInputs) -> bool:
    """Say whether the folder already holds what a render from these inputs would write.

    The fast path of a second render: nothing is rendered, every file is read and
    compared with its digest.
    """
    try:
        manifest = load_manifest(directory)
    except ManifestInvalid:
        return False
    if manifest is None or manifest.is_mixed or manifest.inputs != inputs:
        return False
    return is_intact(directory, manifest)
