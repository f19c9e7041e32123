"""The folder is what its manifest says, and every text is what its name says."""

from __future__ import annotations

import json
import stat
from functools import partial
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import ParseError, fromstring

import yaml

from generator.layout import MANIFEST, META_DATA, NETWORK_CONFIG, USER_DATA
from generator.verify.check import OwnCheck
from generator.verify.hcl import HclInvalid, parse_hcl
from generator.write.manifest import read_regular_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from generator.verify.context import Context
    from generator.verify.output import NodeOutput, Output
    from generator.write.manifest import ManifestEntry

CLOUD_CONFIG: Final = "#cloud-config"
YAML_NAMES: Final = frozenset({USER_DATA, META_DATA, NETWORK_CONFIG})


def _judge_entry(output: Output, entry: ManifestEntry) -> list[str]:
    found = read_regular_file(str(output.root / entry.path))
    if found is None:
        return [f"{entry.path} is missing or not a regular file"]
    mode, content = found
    complaints = []
    if sha256(content).hexdigest() != entry.sha256:
        complaints.append(f"{entry.path} is not what was rendered: its digest differs")
    if mode != entry.mode:
        complaints.append(f"{entry.path} has mode {mode:04o} instead of {entry.mode:04o}")
    return complaints


def _judge_folders(output: Output) -> Iterator[str]:
    """Yield folders with secrets that others may enter."""
    folders = {
        str(parent)
        for entry in output.manifest.entries
        if entry.is_secret
        for parent in PurePosixPath(entry.path).parents
        if str(parent) != "."
    }
    for folder in sorted(folders):
        path = output.root / folder
        if path.is_dir() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield f"{folder} holds secrets and is open to others"


def judge_manifest(output: Output) -> list[str]:
    """Say what differs between the folder and its manifest."""
    complaints = [text for entry in output.manifest.entries for text in _judge_entry(output, entry)]
    listed = output.manifest.paths | {MANIFEST}
    complaints += [
        f"{label} is not in {MANIFEST}"
        for path in output.files
        if (label := output.label(path)) not in listed
    ]
    return complaints + list(_judge_folders(output))


def _judge_yaml(path: Path) -> list[str]:
    try:
        parsed = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # Without the library's own text: it quotes the line, which may hold a secret.
        return [f"is not YAML (line {mark.line + 1})" if mark else "is not YAML"]
    return [] if isinstance(parsed, dict) else ["is not a mapping"]


def _judge_json(path: Path) -> list[str]:
    try:
        json.loads(path.read_bytes())
    except ValueError as error:
        line = getattr(error, "lineno", None)
        return [f"is not JSON (line {line})" if line else "is not JSON"]
    return []


def _judge_hcl(path: Path) -> list[str]:
    try:
        parse_hcl(path.read_text("utf-8"))
    except HclInvalid as error:
        return [str(error)]
    return []


def _judge_xml(path: Path) -> list[str]:
    try:
        fromstring(path.read_bytes())  # noqa: S314 - a file that we wrote, not one from a stranger
    except ParseError as error:
        return [f"is not XML (line {error.position[0]})"]
    return []


def _judge_user_data(path: Path) -> list[str]:
    first = path.read_text("utf-8", "replace").partition("\n")[0].rstrip()
    # Without this line cloud-init ignores the file and says so only in its log.
    complaints = [] if first == CLOUD_CONFIG else [f"does not begin with {CLOUD_CONFIG}"]
    return complaints + _judge_yaml(path)


_BY_SUFFIX: Final[dict[str, tuple[str, Callable[[Path], list[str]]]]] = {
    ".yml": ("yaml", _judge_yaml),
    ".yaml": ("yaml", _judge_yaml),
    ".json": ("json", _judge_json),
    ".hcl": ("hcl", _judge_hcl),
    ".xml": ("xml", _judge_xml),
}


def _choose(path: Path) -> tuple[str, Callable[[Path], list[str]]] | None:
    if path.name == USER_DATA:
        return "yaml", _judge_user_data
    if path.name in YAML_NAMES:
        return "yaml", _judge_yaml
    return _BY_SUFFIX.get(path.suffix)


def _judge_delivery(output: Output, node: NodeOutput) -> list[str]:
    """Compare user-data's write_files with the payload: both ways deliver the same tree."""
    try:
        data = yaml.safe_load((node.folder / USER_DATA).read_bytes())
        written = {str(item["path"]): item for item in data["write_files"]}
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return ["has no write_files that could be compared with the payload"]
    complaints = []
    modes = {entry.path: entry.node_mode for entry in output.manifest.entries}
    for path in node.find_payload("/**/*"):
        absolute = node.on_node(path)
        item = written.pop(absolute, None)
        if item is None:
            complaints.append(f"does not deliver {absolute}")
            continue
        content = item.get("content", "")
        if (content if isinstance(content, bytes) else str(content).encode()) != path.read_bytes():
            complaints.append(f"delivers other bytes than the payload for {absolute}")
        mode = modes.get(output.label(path))
        if mode is not None and str(item.get("permissions")) != f"{mode:04o}":
            complaints.append(
                f"delivers {absolute} with mode {item.get('permissions')} instead of {mode:04o}"
            )
    return complaints + [f"delivers {absolute}, which the payload has not" for absolute in written]


def plan_files(context: Context) -> Iterator[OwnCheck]:
    """Plan manifest, syntax and delivery checks."""
    output = context.output
    yield OwnCheck("manifest", MANIFEST, partial(judge_manifest, output))
    for path in output.files:
        chosen = _choose(path)
        if chosen is not None and output.has(path) and path != output.layout.manifest:
            name, judge = chosen
            yield OwnCheck(name, output.label(path), partial(judge, path))
    for node in output.nodes:
        yield OwnCheck(
            "delivery", output.label(node.folder / USER_DATA), partial(_judge_delivery, output, node)
        )
