"""Read the seed images back: label, names, bytes, and the payload inside."""

from __future__ import annotations

import tarfile
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Final

from pycdlib import PyCdlib
from pycdlib.pycdlibexception import PyCdlibException

from generator.layout import (
    KICKSTART,
    META_DATA,
    NETWORK_CONFIG,
    NODE_PROGRAM,
    OEMDRV_ISO,
    OEMDRV_LABEL,
    PAYLOAD_ARCHIVE,
    SEED_ISO,
    SEED_LABEL,
    USER_DATA,
    NodePaths,
)
from generator.verify.check import OwnCheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generator.verify.context import Context
    from generator.verify.output import NodeOutput, Output

SEED_FILES: Final = frozenset({USER_DATA, META_DATA, NETWORK_CONFIG})
OEMDRV_FILES: Final = frozenset({KICKSTART, PAYLOAD_ARCHIVE, NODE_PROGRAM})


def _list_names(iso: PyCdlib, **where: str) -> Iterator[str]:
    for child in iso.list_children(**where):
        if not child.is_dot() and not child.is_dotdot():
            raw = child.rock_ridge.name() if "rr_path" in where else child.file_identifier()
            yield raw.decode("utf-16-be" if "joliet_path" in where else "utf-8")


def read_image(path: Path) -> tuple[str, dict[str, bytes], set[str]]:
    """Return label, files by Rock Ridge name, and the Joliet names of an ISO image.

    Raises:
        PyCdlibException: it is no ISO image with both extensions.
    """
    iso = PyCdlib()
    iso.open(str(path))
    try:
        label = iso.pvd.volume_identifier.decode("ascii").rstrip()
        files = {}
        for name in _list_names(iso, rr_path="/"):
            content = BytesIO()
            iso.get_file_from_iso_fp(content, rr_path=f"/{name}")
            files[name] = content.getvalue()
        joliet = set(_list_names(iso, joliet_path="/"))
    finally:
        iso.close()
    return label, files, joliet


def _judge_image(path: Path, label: str, names: frozenset[str]) -> tuple[list[str], dict[str, bytes]]:
    try:
        found, files, joliet = read_image(path)
    except (PyCdlibException, OSError, ValueError) as error:
        return [f"cannot be read as an ISO image: {error}"], {}
    complaints = []
    if found != label:
        complaints.append(f"is labelled {found!r}: readers look for {label!r}")
    # Windows-born readers and some boot loaders see only the Joliet names.
    for title, seen in (("Rock Ridge", set(files)), ("Joliet", joliet)):
        if seen != names:
            found_names, wanted = ", ".join(sorted(seen)) or "none", ", ".join(sorted(names))
            complaints.append(f"has the {title} names {found_names}: expected {wanted}")
    for name, content in files.items():
        beside = path.parent / name
        if name in names and beside.is_file() and beside.read_bytes() != content:
            complaints.append(f"holds another {name} than the folder")
    return complaints, files


def judge_seed(path: Path) -> list[str]:
    """Say what is wrong with a NoCloud seed."""
    return _judge_image(path, SEED_LABEL, SEED_FILES)[0]


def judge_oemdrv(output: Output, node: NodeOutput, path: Path) -> list[str]:
    """Say what is wrong with an installer seed, its payload archive included."""
    complaints, files = _judge_image(path, OEMDRV_LABEL, OEMDRV_FILES)
    baked = output.layout.packer / "files" / NodePaths.node_program.removeprefix("/")
    if baked.is_file() and files.get(NODE_PROGRAM) != baked.read_bytes():
        complaints.append(f"holds another {NODE_PROGRAM} than the image will")
    if PAYLOAD_ARCHIVE in files:
        complaints += _judge_archive(output, node, files[PAYLOAD_ARCHIVE])
    return complaints


def _judge_archive(output: Output, node: NodeOutput, archive: bytes) -> list[str]:
    expected = {node.on_node(path): path for path in node.find_payload("/**/*")}
    try:
        with tarfile.open(fileobj=BytesIO(archive), mode="r:") as tar:
            members = {
                f"/{member.name.removeprefix('./').lstrip('/')}": member for member in tar.getmembers()
            }
            complaints = [f"lacks {absolute}" for absolute in sorted(expected.keys() - members.keys())]
            for absolute, member in members.items():
                if absolute in expected:
                    complaints += _judge_member(output, expected[absolute], tar, member)
                elif not member.isdir():
                    complaints.append(f"holds {absolute}, which the payload has not")
    except tarfile.TarError as error:
        complaints = [f"cannot be read: {error}"]
    return [f"{PAYLOAD_ARCHIVE} {text}" for text in complaints]


def _judge_member(
    output: Output, expected: Path, tar: tarfile.TarFile, member: tarfile.TarInfo
) -> Iterator[str]:
    stream = tar.extractfile(member) if member.isfile() else None
    if stream is None:
        yield f"has {member.name}, which is not a file"
        return
    if stream.read() != expected.read_bytes():
        yield f"holds other bytes for {member.name}"
    modes = {entry.path: entry.node_mode for entry in output.manifest.entries}
    mode = modes.get(output.label(expected))
    if mode is not None and member.mode != mode:
        yield f"has {member.name} with mode {member.mode:04o} instead of {mode:04o}"
    if (member.uid, member.gid) != (0, 0):
        yield f"has {member.name} owned by {member.uid}:{member.gid} instead of root"


def plan_seeds(context: Context) -> Iterator[OwnCheck]:
    """Plan the reading back of every image."""
    output = context.output
    for node in output.nodes:
        seed, oemdrv = node.folder / SEED_ISO, node.folder / OEMDRV_ISO
        yield OwnCheck("seed-iso", output.label(seed), partial(judge_seed, seed))
        # A platform without kickstart has no OEMDRV image.
        if output.platform.kickstart is not None or output.has(oemdrv):
            yield OwnCheck("oemdrv-iso", output.label(oemdrv), partial(judge_oemdrv, output, node, oemdrv))
