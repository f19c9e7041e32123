"""The folder of artifacts: programs, packages and a base disk for builds without a network.

In: a folder with `base/`, `packages/` (a flat repository), `programs/` and `wheels/`.
Out: its manifest, a list of SHA-256 sums, and every difference between the two.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import file_digest
from typing import TYPE_CHECKING, Final

from generator.errors import InputInvalid, UsageInvalid
from generator.whole_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MANIFEST: Final = "manifest.json"
BASE, PACKAGES, PROGRAMS, WHEELS = "base", "packages", "programs", "wheels"
FOLDERS: Final = (BASE, PACKAGES, PROGRAMS, WHEELS)
BASE_DISK: Final = "base/disk.qcow2"
BASE_KERNEL: Final = "base/vmlinuz"
BASE_INITRD: Final = "base/initrd.img"
FORMAT: Final = 1
SHA256: Final = re.compile(r"[0-9a-f]{64}")


class ArtifactsInvalid(InputInvalid):
    """The folder of artifacts is not what its manifest says."""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """A folder of artifacts and the SHA-256 of each of its files, by relative path."""

    root: Path
    sums: dict[str, str]

    def find(self, name: str) -> Path | None:
        """Return the path of a file that the manifest names."""
        return self.root / name if name in self.sums else None

    @property
    def disc_folders(self) -> dict[str, Path]:
        """What the machine that is built gets to see, by its name on the disc."""
        present = {name.split("/", 1)[0] for name in self.sums}
        return {name: self.root / name for name in (PACKAGES, PROGRAMS, WHEELS) if name in present}


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _list_files(root: Path) -> list[str]:
    return sorted(
        path.relative_to(root).as_posix()
        for folder in FOLDERS
        for path in (root / folder).rglob("*")
        if path.is_file()
    )


def sum_artifacts(root: Path) -> Artifacts:
    """Write the manifest of what the folder holds now, and return it.

    Raises:
        UsageInvalid: there is nothing that a build could use.
    """
    sums = {name: digest_file(root / name) for name in _list_files(root)}
    if not sums:
        raise UsageInvalid(
            f"{root} holds no artifacts",
            hint=f"put programs into {root / PROGRAMS}, packages into {root / PACKAGES}; "
            "packer/make-debian-base makes the base disk and the packages of debian13",
        )
    return _write_manifest(Artifacts(root, sums))


def record_artifacts(root: Path, names: Iterable[str]) -> Artifacts:
    """Sum the named files anew and leave every other line of the manifest as it is.

    Raises:
        ArtifactsInvalid: there is a manifest that cannot be read.
    """
    known = load_artifacts(root).sums if (root / MANIFEST).exists() else {}
    return _write_manifest(Artifacts(root, known | {name: digest_file(root / name) for name in names}))


def _write_manifest(artifacts: Artifacts) -> Artifacts:
    text = json.dumps({"holster": FORMAT, "files": artifacts.sums}, indent=2, sort_keys=True)
    path = artifacts.root / MANIFEST
    if not path.is_file() or path.read_text("utf-8", "replace") != f"{text}\n":
        replace_file(path, f"{text}\n")
    return artifacts


def load_artifacts(root: Path) -> Artifacts:
    """Return the manifest as written; the files themselves are not read.

    Raises:
        ArtifactsInvalid: there is none, or it cannot be read.
    """
    path = root / MANIFEST
    try:
        content = json.loads(path.read_text("utf-8"))
        files = content["files"]
        is_known = content["holster"] == FORMAT and all(map(_is_entry, files, files.values()))
    except OSError as error:
        raise ArtifactsInvalid(
            f"cannot read {path}: {error.strerror}", hint=f"`holster artifacts sum {root}` writes it"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_known = False
    if not is_known:
        raise ArtifactsInvalid(f"{path} is not a manifest of artifacts")
    return Artifacts(root, dict(files))


def _is_entry(name: str, digest: object) -> bool:
    folder, *rest = name.split("/")
    is_inside = folder in FOLDERS and rest and {"", ".", ".."}.isdisjoint(rest)
    return bool(is_inside and name.isprintable() and isinstance(digest, str) and SHA256.fullmatch(digest))


def find_differences(artifacts: Artifacts) -> list[str]:
    """Return every file that is missing, changed or unknown to the manifest."""
    present = set(_list_files(artifacts.root))
    found = [f"{name}: missing" for name in sorted(artifacts.sums.keys() - present)]
    found += [f"{name}: not in the manifest" for name in sorted(present - artifacts.sums.keys())]
    found += [
        f"{name}: its SHA-256 differs from the manifest"
        for name in sorted(present & artifacts.sums.keys())
        if digest_file(artifacts.root / name) != artifacts.sums[name]
    ]
    return found


def demand_whole(artifacts: Artifacts) -> None:
    """Do nothing when every file is as the manifest says.

    Raises:
        ArtifactsInvalid: with the complete list.
    """
    found = find_differences(artifacts)
    if found:
        lines = "\n".join(f"  {line}" for line in found)
        raise ArtifactsInvalid(
            f"{artifacts.root} is not what its manifest says:\n{lines}",
            hint=f"if the changes are yours: `holster artifacts sum {artifacts.root}`",
        )
