"""The Packer folder, read by Packer: with external plugins (1.7 and newer) and before (1.6)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from generator.layout import PACKER
from generator.tools import programs
from generator.tools.packer import (
    PLUGINS_SINCE,
    check_packer_config,
    check_packer_format,
    copy_for,
    needs_plugins,
)
from generator.verify.check import OwnCheck, ToolCheck
from generator.verify.hcl import HclInvalid, parse_hcl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.verify.check import Check
    from generator.verify.context import Context
    from generator.versions import VersionNumber

STAND_IN: Final = "stand-in.iso"


def _is_new(version: VersionNumber) -> bool:
    return version.at_least(PLUGINS_SINCE)


def _is_old(version: VersionNumber) -> bool:
    return version.at_least("1.6") and not version.at_least(PLUGINS_SINCE)


def list_variables(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the folder's variables by name.

    Raises:
        HclInvalid: a file is not HCL.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.pkr.hcl")):
        for block in parse_hcl(path.read_text("utf-8")).get("variable", []):
            found |= {name.strip('"'): body for name, body in block.items() if isinstance(body, dict)}
    return found


def choose_values(variables: Mapping[str, Mapping[str, Any]], stand_in: Path) -> dict[str, str]:
    """Return a value for each variable without a default.

    What names a file gets one that exists: Packer looks.  The build passes the real
    ones; here only the files of the output are judged.
    """
    values = {}
    for name, body in variables.items():
        if "default" in body:
            continue
        kind = str(body.get("type", "string")).strip("${}")
        if "checksum" in name:
            values[name] = "none"
        elif kind.startswith(("list", "set")):
            values[name] = "[]"
        else:
            values[name] = {"number": "1", "bool": "true"}.get(kind, str(stand_in))
    return values


def _judge_config(context: Context, tool: Tool) -> tuple[str, ...]:
    scratch = context.make_folder("packer")
    folder = copy_for(tool, context.output.layout.packer, scratch / "packer")
    stand_in = scratch / STAND_IN
    stand_in.write_bytes(b"")
    try:
        values = choose_values(list_variables(folder), stand_in)
    except HclInvalid as error:
        return (str(error),)
    plugins = context.plugins if needs_plugins(tool) else None
    return check_packer_config(tool, folder, scratch, variables=values, plugins=plugins)


def _judge_format(context: Context, tool: Tool) -> tuple[str, ...]:
    return check_packer_format(tool, context.output.layout.packer, context.make_folder("packer"))


def _judge_split(folder: Path) -> list[str]:
    """Say where `required_plugins` shares a file, which Packer 1.6 could then not be spared."""
    complaints = []
    for path in sorted(folder.glob("*.pkr.hcl")):
        try:
            parsed = parse_hcl(path.read_text("utf-8"))
        except HclInvalid:
            continue  # the syntax check reports it
        packer = parsed.get("packer", [])
        has_plugins = any("required_plugins" in block for block in packer)
        if has_plugins and (set(parsed) - {"packer"}):
            complaints.append(f"{path.name} holds required_plugins and more: Packer 1.6 refuses it")
    return complaints


def plan_packer(context: Context) -> Iterator[Check]:
    """Plan the checks of the Packer folder."""
    new = f"{PLUGINS_SINCE} or newer"
    yield OwnCheck("packer-split", PACKER, partial(_judge_split, context.output.layout.packer))
    yield ToolCheck("packer-format", PACKER, programs.PACKER, partial(_judge_format, context), _is_new, new)
    yield ToolCheck("packer", PACKER, programs.PACKER, partial(_judge_config, context), _is_new, new)
    yield ToolCheck("packer", PACKER, programs.PACKER, partial(_judge_config, context), _is_old, "1.6")
