"""cloud-init: its schemas, and its own reading of network-config.

A schema for network-config exists since 24.1 only, so that one is converted as well, to
what the machine will use (NetworkManager keyfiles, networkd units): the conversion
parses every key that matters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed
from generator.tools.process import Command, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from generator.tools.toolbox import Tool

NETWORK_SCHEMA_SINCE: Final = "24.1"
_NOT_OURS: Final = re.compile(
    r"^(\s*|Valid (cloud-config:|schema) .*|Cloud config schema deprecations:\s*|"
    r".*WARNING.*Unable to (?:read|load) .*cloud\.cfg.*)$"
)
_TRACE_END: Final = re.compile(r"^(\w+(?:\.\w+)*(?:Error|Exception)): (.*)$", re.MULTILINE | re.DOTALL)
_BROKEN_TOOL: Final = ("ModuleNotFoundError", "ImportError")


def check_schema(
    tool: Tool, config: Path, *, kind: str = "cloud-config", secrets: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return what cloud-init's schema says against the file, deprecations included.

    Args:
        tool: cloud-init; from NETWORK_SCHEMA_SINCE on for another kind than cloud-config.
        config: the file.
        kind: `cloud-config` or `network-config`.
        secrets: values to hide.
    """
    argv: list[str | Path] = [tool.path, "schema", "--config-file", config]
    if kind != "cloud-config":
        argv += ["--schema-type", kind]
    answer = run(
        Command(
            argv=argv,
            purpose=f"validate {config.name} with {tool.label}",
            accepted=(0, 1),
            secrets=secrets,
        )
    )
    _refuse_broken(tool, answer.output)
    lines = [line for line in answer.output.splitlines() if not _NOT_OURS.match(line)]
    if answer.exit_code and not lines:
        lines = [f"{tool.label} refuses it without saying why"]
    return ("\n".join(lines),) if lines else ()


@dataclass(frozen=True, slots=True)
class NetworkTarget:
    """What the machine makes of network-config.

    Attributes:
        distro: what `system_info.distro` says on the machine.
        renderer: `network-manager`, `networkd`, `sysconfig`, …
        macs: interface name -> MAC, for configurations that match by MAC.
    """

    distro: str
    renderer: str
    macs: Mapping[str, str] = field(default_factory=dict)


def convert_network_config(
    tool: Tool, network_config: Path, folder: Path, target: NetworkTarget
) -> tuple[str, ...]:
    """Have cloud-init turn network-config (version 2) into files of the machine below `folder`.

    Returns: what cloud-init says against it.
    """
    argv: list[str | Path] = [tool.path, "devel", "net-convert"]
    argv += ["--network-data", network_config, "--kind", "yaml", "--directory", folder]
    argv += ["--distro", target.distro, "--output-kind", target.renderer]
    for name, mac in target.macs.items():
        argv += ["--mac", f"{name},{mac}"]
    answer = run(
        Command(argv=argv, purpose=f"convert {network_config.name} with {tool.label}", accepted=(0, 1))
    )
    _refuse_broken(tool, answer.output)
    if answer.exit_code == 0:
        return ()
    found = _TRACE_END.search(answer.output)
    return (found[0].strip() if found else answer.output,)


def _refuse_broken(tool: Tool, output: str) -> None:
    for name in _BROKEN_TOOL:
        if name in output:
            raise ToolFailed(
                f"{tool.path} does not work: {output.strip().splitlines()[-1]}", hint=tool.program.hint
            )
