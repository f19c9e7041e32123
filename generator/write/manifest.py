"""The manifest of one cluster's output: every file with digest, mode and secret flag.

In: rendered files and the digests of what they were made from.  Out: manifest.json
as bytes, and the answer whether a folder still is what its manifest says.  Never
writes.
"""

from __future__ import annotations

import json
import os
import re
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
MAX_BYTES: Final = 256 << 20
"""No file that Holster renders is as large."""

PRINTABLE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,4096}")
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
MODE: Final = re.compile(r"0[0-7]{3}")
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
        program_sha256: digest of templates, fragments, platform profiles and code; it
            changes while someone works on them, when the version does not.
    """

    cluster: str
    tool_version: str
    spec_sha256: str
    bundle_sha256: str
    program_sha256: str


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
        "program_sha256": inputs.program_sha256,
    }
    if manifest.is_mixed:
        head["mixed"] = True
    lines = [f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items()]
    files = ",\n".join(json.dumps(entry.to_json()) for entry in manifest.entries)
    return f'{{\n{"".join(lines)}"files": [\n{files}\n]\n}}\n'.encode()


def _parse_path(value: Any) -> str:
    parts = _parse_text(value).split("/")
    # Also an absolute path: its first part is empty.
    if not {"", ".", ".."}.isdisjoint(parts) or parts == [MANIFEST]:
        raise ManifestInvalid("names a path outside its folder")
    return "/".join(parts)


def _parse_text(value: Any, pattern: re.Pattern[str] = PRINTABLE) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError("not such a text")
    return value


def _parse_size(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a size")
    return value


def _parse_entry(entry: dict[str, Any]) -> ManifestEntry:
    is_secret, mode = entry["secret"], int(_parse_text(entry["mode"], MODE), 8)
    if mode != {True: SECRET_MODE, False: PUBLIC_MODE}[is_secret]:
        raise ValueError("not the mode of such a file")
    owner, group, node_mode = (entry.get(name) for name in ("owner", "group", "node_mode"))
    return ManifestEntry(
        path=_parse_path(entry["path"]),
        sha256=_parse_text(entry["sha256"], DIGEST),
        size=_parse_size(entry["size"]),
        mode=mode,
        is_secret=is_secret,
        owner=None if owner is None else _parse_text(owner),
        group=None if group is None else _parse_text(group),
        node_mode=None if node_mode is None else int(_parse_text(node_mode, MODE), 8),
    )


def _parse_entries(entries: Any) -> tuple[ManifestEntry, ...]:
    parsed = tuple(_parse_entry(entry) for entry in entries)
    paths = {entry.path for entry in parsed}
    if len(paths) != len(parsed) or not paths.isdisjoint(list_folders(parsed)):
        raise ValueError("a path stands twice")
    return parsed


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
            cluster=_parse_text(data["cluster"]),
            tool_version=_parse_text(data["tool_version"]),
            spec_sha256=_parse_text(data["spec_sha256"], DIGEST),
            bundle_sha256=_parse_text(data["bundle_sha256"], DIGEST),
            # The output of a Holster that named it otherwise is Holster's, but not current.
            program_sha256=_parse_text(data.get("program_sha256", "0" * 64), DIGEST),
        )
        entries = _parse_entries(data["files"])
        return Manifest(inputs, entries, is_mixed=data.get("mixed") is True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ManifestInvalid("is not a manifest of Holster") from None


def read_regular_file(
    path: str, *, size: int | None = None, limit: int = MAX_BYTES
) -> tuple[int, bytes] | None:
    """Return mode and bytes of a regular file; None for anything else, links included.

    None, too, and nothing is read, where it has more than `limit` bytes or another size than `size`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit or size not in {None, found.st_size}:
            return None
        content = bytearray()
        # A file that grows meanwhile is as good as changed.
        while len(content) <= found.st_size and (chunk := os.read(descriptor, found.st_size + 1)):
            content += chunk
        return stat.S_IMODE(found.st_mode), bytes(content)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def load_manifest(directory: Path) -> Manifest | None:
    """Return the manifest of an output folder; None where there is none.

    Raises:
        ManifestInvalid: there is a manifest.json, but not one of Holster.
    """
    path = f"{directory}/{MANIFEST}"
    found = read_regular_file(path)
    if found is not None:
        return parse_manifest(found[1])
    if os.path.lexists(path):
        raise ManifestInvalid("cannot be read, or is no manifest of Holster")
    return None


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
        found = read_regular_file(f"{directory}/{entry.path}", size=entry.size)
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
