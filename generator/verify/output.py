"""Read an output folder: its manifest, its machines, what node.json says of each."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from generator.errors import OutputRejected, UsageInvalid
from generator.layout import MANIFEST, NODES, PAYLOAD, PLATFORM, ClusterOutput, NodePaths
from generator.platforms.profile import PlatformProfile, list_platforms
from generator.versions import VersionNumber
from generator.write.manifest import MAX_BYTES, ManifestInvalid, load_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from generator.write.manifest import Manifest


@dataclass(frozen=True, slots=True)
class NodeOutput:
    """One machine of the output; `facts` is its node.json (docs/node-json.md)."""

    name: str
    folder: Path
    facts: dict[str, Any]

    @property
    def is_server(self) -> bool:
        """Whether it is a Consul server."""
        return "consul-server" in self.facts["roles"]

    @property
    def is_member(self) -> bool:
        """Whether it is a Patroni member."""
        return "postgres" in self.facts["roles"]

    @property
    def address(self) -> str:
        """Its address."""
        return str(self.facts["network"]["address"])

    @property
    def consul_version(self) -> VersionNumber:
        """The declared version of Consul."""
        return VersionNumber(self.facts["programs"]["consul"]["version"])

    def delivers(self, absolute: str) -> bool:
        """Say whether the machine is told of a file at `absolute`."""
        return any(file.get("path") == absolute for file in self.facts["files"])

    def payload(self, absolute: str) -> Path:
        """Return where the payload keeps the file that the machine has at `absolute`."""
        return self.folder / PAYLOAD / absolute.removeprefix("/")

    def find_payload(self, pattern: str) -> list[Path]:
        """Return the payload's files that match a pattern of absolute paths, sorted."""
        root = self.folder / PAYLOAD
        return sorted(path for path in root.glob(pattern.removeprefix("/")) if path.is_file())

    def on_node(self, path: Path) -> str:
        """Return the absolute path that a payload file has on the machine."""
        return f"/{path.relative_to(self.folder / PAYLOAD)}"


@dataclass(frozen=True, slots=True)
class Output:
    """One cluster's output folder; `platform` is what it was rendered for."""

    root: Path
    manifest: Manifest
    platform: PlatformProfile
    nodes: tuple[NodeOutput, ...]

    @property
    def layout(self) -> ClusterOutput:
        """Where things are."""
        return ClusterOutput(self.root)

    def has(self, path: Path) -> bool:
        """Say whether a file was rendered, there or not any more, or lies there all the same."""
        return self.label(path) in self.manifest.paths or path.is_file()

    def label(self, path: Path) -> str:
        """Return the path as reports show it."""
        return str(path.relative_to(self.root))

    @property
    def files(self) -> list[Path]:
        """Every file that lies below the folder or was rendered, sorted; links are files, too."""
        return sorted({*_list_files(self.root), *(self.root / path for path in self.manifest.paths)})


def _list_files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())


def _demand_readable(path: Path) -> None:
    """Refuse what no check could read to its end: devices, pipes, a sparse file of a terabyte."""
    try:
        found = path.stat()
    except OSError:
        # A link to nothing, or a loop of links: the manifest's check names it.
        return
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)) or found.st_size > MAX_BYTES:
        raise OutputRejected(f"{path} is no file of a render: not a regular file, or too large")


def load_output(directory: Path) -> Output:
    """Return the output of one cluster.

    Raises:
        UsageInvalid: the folder is not an output folder.
        OutputRejected: its manifest, the platform's facts or a node.json cannot be read.
    """
    try:
        manifest = load_manifest(directory)
    except ManifestInvalid as error:
        raise OutputRejected(f"{directory / MANIFEST} {error}") from None
    if manifest is None:
        raise UsageInvalid(
            f"{directory} is not an output folder: it has no {MANIFEST}",
            hint="`holster render SPEC` makes one",
        )
    for path in _list_files(directory):
        _demand_readable(path)
    parts = (path.split("/") for path in manifest.paths if path.startswith(f"{NODES}/"))
    names = sorted({name for _, name, *rest in parts if rest})
    nodes = tuple(_load_node(directory, name) for name in names)
    return Output(directory, manifest, _load_platform(directory), nodes)


def _load_platform(directory: Path) -> PlatformProfile:
    path = directory / PLATFORM
    try:
        profile = PlatformProfile.model_validate_json(path.read_bytes())
    except OSError as error:
        reason = f"{path}: {error.strerror}"
    except ValidationError:
        reason = f"{path} does not hold the facts of a platform as this release knows them"
    else:
        if profile.name in list_platforms():
            return profile
        reason = f"{path} is about the platform {profile.name}, which this release does not know"
    raise OutputRejected(reason, hint="`holster render SPEC` writes it anew")


def _load_node(directory: Path, name: str) -> NodeOutput:
    folder = ClusterOutput(directory).node(name)
    path = folder / PAYLOAD / NodePaths.node_json.removeprefix("/")
    try:
        node = NodeOutput(name, folder, json.loads(path.read_bytes()))
        # Asked once here, so that no check stumbles over an absent fact later.
        _ = (
            node.is_server,
            node.address,
            node.consul_version.numbers,
            node.facts["units"],
            node.facts["files"],
        )
    except OSError as error:
        raise OutputRejected(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OutputRejected(
            f"{path} is not what docs/node-json.md describes: {type(error).__name__}"
        ) from None
    return node
