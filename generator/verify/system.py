"""The small files of the system: sshd, sudo, chrony, the firewall.

Where they lie, the facts say that the output was rendered for: a file that ought to be there and is
not is a finding, never a check less.
"""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from generator.layout import NodePaths
from generator.tools import programs
from generator.tools.chronyd import can_check, check_chrony_config
from generator.tools.firewalld import check_firewall
from generator.tools.nftables import check_ruleset
from generator.tools.sshd import check_sshd_config
from generator.tools.visudo import check_sudoers
from generator.verify.check import ToolCheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.verify.context import Context
    from generator.verify.output import NodeOutput


def _judge_sshd(context: Context, path: Path, tool: Tool) -> tuple[str, ...]:
    path.stat()
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return check_sshd_config(tool, path, context.make_folder("sshd"), host_key=key)


def _list_sudoers(node: NodeOutput) -> list[Path]:
    """Return our file, there or not, and whatever else lies beside it: sudo reads or skips that as well."""
    ours = node.payload(NodePaths.sudoers)
    return sorted({ours, *(ours.parent.iterdir() if ours.parent.is_dir() else ())})


def _judge_sudoers(path: Path, tool: Tool) -> tuple[str, ...]:
    path.stat()
    # A dot or a tilde in the name: sudo skips the file without a word.
    if "." in path.name or path.name.endswith("~"):
        return (f"sudo ignores a file of the name {path.name}",)
    return check_sudoers(tool, path)


def _judge_chrony(path: Path, tool: Tool) -> tuple[str, ...]:
    return check_chrony_config(tool, path)


def _judge_firewall(context: Context, node: NodeOutput, tool: Tool) -> tuple[str, ...]:
    folder = context.make_folder("firewalld") / "config"
    shutil.copytree(node.payload(NodePaths.firewalld), folder)
    return check_firewall(tool, folder)


def _judge_nftables(path: Path, tool: Tool) -> tuple[str, ...]:
    path.stat()
    return check_ruleset(tool, path)


def plan_system(context: Context) -> Iterator[ToolCheck]:
    """Plan the checks of the system's files; what was not rendered for this platform has none."""
    output = context.output
    paths = output.platform.paths
    for node in output.nodes:
        if paths.sshd_dropin_dir is not None:
            path = node.payload(f"{paths.sshd_dropin_dir}/{NodePaths.sshd_dropin}")
            yield ToolCheck("sshd", output.label(path), programs.SSHD, partial(_judge_sshd, context, path))
        for path in _list_sudoers(node):
            yield ToolCheck("sudoers", output.label(path), programs.VISUDO, partial(_judge_sudoers, path))
        # Without a time server in the spec the package's own file stays.
        if node.delivers(paths.chrony_config):
            path = node.payload(paths.chrony_config)
            judge = partial(_judge_chrony, path)
            yield ToolCheck("chrony", output.label(path), programs.CHRONYD, judge, can_check, "4.0 or newer")
        if output.platform.firewall == "nftables":
            path = node.payload(NodePaths.firewall_rules)
            yield ToolCheck("firewall", output.label(path), programs.NFT, partial(_judge_nftables, path))
        if output.platform.firewall == "firewalld":
            label = output.label(node.payload(NodePaths.firewalld))
            yield ToolCheck("firewall", label, programs.FIREWALLD, partial(_judge_firewall, context, node))
