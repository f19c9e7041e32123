"""Bring what a folder of artifacts needs, as far as addresses and digests are known.

In: what is needed and the folder.  Out: the files in their places, and the manifest with
their digests.  Downloads lie in `downloads/`: what is there with the right digest,
carried over by hand or left by an earlier run, is not downloaded again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from generator.artifacts.download import download
from generator.artifacts.folder import WHEELS, digest_file, record_artifacts
from generator.artifacts.needs import REQUIREMENTS, format_requirements
from generator.artifacts.transfer import MOST_BYTES, Source
from generator.artifacts.unpack import unpack_program
from generator.errors import EnvironmentFailed, HolsterError, InputInvalid
from generator.whole_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generator.artifacts.needs import FileNeed, Needs

    Progress = Callable[[str, int, int | None], None]

DOWNLOADS: Final = "downloads"
MOST_DISK_BYTES: Final = 32 << 30
"""No disk to start from is larger."""


class SourceUnknown(InputInvalid):
    """Nobody said where a file is, or what it must be."""


class FetchIncomplete(EnvironmentFailed):
    """Several files did not come."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file that is in its place now.

    Attributes:
        need: what it is.
        sha256: of the file itself, as the manifest has it.
        is_new: whether this run changed it.
    """

    need: FileNeed
    sha256: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Brought:
    """What a run brought, and what went wrong with the rest: all of it in one error."""

    files: tuple[Fetched, ...]
    failure: HolsterError | None


def bring_files(needs: Needs, root: Path, timeout_s: float, on_progress: Progress) -> Brought:
    """Bring every file that can be had and write the manifest's lines for them.

    A file that fails stops no other.

    Args:
        needs: what is needed.
        root: the folder of artifacts; made when absent.
        timeout_s: how long a server may be silent.
        on_progress: hears file name, bytes that are there, and bytes in all where known.

    Raises:
        EnvironmentFailed: the folder cannot be written.
    """
    fetched, failures = [], []
    try:
        root.mkdir(parents=True, exist_ok=True)
        for need in needs.files:
            try:
                fetched.append(_bring(need, root, timeout_s, on_progress))
            except HolsterError as error:
                failures.append(error)
            except OSError as error:
                place = error.filename or root / need.name
                failures.append(EnvironmentFailed(f"cannot write {place}: {error.strerror}"))
        if fetched:
            record_artifacts(root, [each.need.name for each in fetched])
        if needs.wheels:
            _write_requirements(needs.wheels, root / REQUIREMENTS)
    except OSError as error:
        raise EnvironmentFailed(f"cannot write {error.filename or root}: {error.strerror}") from None
    return Brought(tuple(fetched), _join_failures(failures))


def _bring(need: FileNeed, root: Path, timeout_s: float, on_progress: Progress) -> Fetched:
    target = root / need.name
    if need.url is None:
        if not target.is_file():
            raise SourceUnknown(
                f"nobody says where {need.program} {need.version} is",
                hint=f"put it to {target}, or set {need.key}.url and .sha256 in the spec",
            )
        return Fetched(need, digest_file(target), is_new=False)
    if need.sha256 is None and target.is_file():
        return Fetched(need, digest_file(target), is_new=False)
    if need.sha256 is None:
        raise SourceUnknown(
            f"no SHA-256 of {Source(need.url, '', timeout_s).shown} is known",
            hint=f"set {need.key}{'.sha256' if need.is_program else ' with base_checksum: sha256:…'}: "
            "the vendor publishes it beside the file",
        )
    source = Source(
        need.url, need.sha256, timeout_s, most_bytes=MOST_BYTES if need.is_program else MOST_DISK_BYTES
    )
    if not need.is_program:
        is_new = not (target.is_file() and digest_file(target) == need.sha256)
        if is_new:
            _download(source, target, on_progress)
        return Fetched(need, need.sha256, is_new=is_new)
    archive = root / DOWNLOADS / _name_file(need)
    if not (archive.is_file() and digest_file(archive) == need.sha256):
        _download(source, archive, on_progress)
    is_new = unpack_program(archive, need.program, target)
    return Fetched(need, digest_file(target), is_new=is_new)


def _download(source: Source, target: Path, on_progress: Progress) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        download(source, target, lambda count, total: on_progress(target.name, count, total))
    except EnvironmentFailed as error:
        way = f"a file that came another way may lie as {target}"
        raise EnvironmentFailed(
            error.message, hint=f"{error.hint}; {way}" if error.hint else f"a proxy: HTTPS_PROXY; {way}"
        ) from None


def _name_file(need: FileNeed) -> str:
    name = PurePosixPath(unquote(urlsplit(need.url or "").path)).name
    return name if name and not name.startswith(".") and name.isprintable() else need.program


def _write_requirements(wheels: tuple[str, ...], path: Path) -> None:
    text = format_requirements(wheels)
    if not path.is_file() or path.read_text("utf-8", "replace") != text:
        replace_file(path, text)


def _join_failures(failures: list[HolsterError]) -> HolsterError | None:
    if len(failures) <= 1:
        return next(iter(failures), None)
    lines = [
        f"  {error.message}\n    {error.hint}" if error.hint else f"  {error.message}" for error in failures
    ]
    text = f"{len(failures)} files did not come:\n" + "\n".join(lines)
    if all(isinstance(error, InputInvalid) for error in failures):
        return SourceUnknown(text)
    return FetchIncomplete(text)


def find_missing_wheels(needs: Needs, root: Path) -> tuple[str, ...]:
    """Return the wheels that are named and that no file of `wheels/` is."""
    present = {digest_file(path) for path in (root / WHEELS).glob("*.whl")}
    return tuple(wheel for wheel in needs.wheels if wheel.rpartition(":")[2] not in present)
