"""The small files of the system: sshd, sudo, chrony, the firewall."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from generator.tools import programs
from generator.tools.chronyd import can_check, check_chrony_config
from generator.tools.firewalld import check_firewall
from generator.tools.sshd import check_sshd_config
from generator.tools.visudo import check_sudoers
from generator.verify.check import ToolCheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.verify.context import Context
    from generator.verify.output import NodeOutput

FIREWALL_FOLDER: Final = "/etc/firewalld"


def _judge_sshd(context: Context, path: Path, tool: Tool) -> tuple[str, ...]:
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    folder = context.make_folder("sshd")
    return check_sshd_config(tool, path, folder, host_key=key, is_dropin=path.parent.name == "sshd_config.d")


def _judge_sudoers(path: Path, tool: Tool) -> tuple[str, ...]:
    # A dot or a tilde in the name: sudo skips the file without a word.
    if "." in path.name or path.name.endswith("~"):
        return (f"sudo ignores a file of the name {path.name}",)
    return check_sudoers(tool, path)


def _judge_chrony(path: Path, tool: Tool) -> tuple[str, ...]:
    return check_chrony_config(tool, path)


def _judge_firewall(context: Context, node: NodeOutput, tool: Tool) -> tuple[str, ...]:
    folder = context.make_folder("firewalld") / "config"
    shutil.copytree(node.payload(FIREWALL_FOLDER), folder)
    return check_firewall(tool, folder)


def plan_system(context: Context) -> Iterator[ToolCheck]:
    """Plan the checks of the system's files; a file that was not rendered has none."""
    output = context.output
    for node in output.nodes:
        for path in [
            *node.find_payload("/etc/ssh/sshd_config"),
            *node.find_payload("/etc/ssh/sshd_config.d/*.conf"),
        ]:
            yield ToolCheck("sshd", output.label(path), programs.SSHD, partial(_judge_sshd, context, path))
        for path in node.find_payload("/etc/sudoers.d/*"):
            yield ToolCheck("sudoers", output.label(path), programs.VISUDO, partial(_judge_sudoers, path))
        for path in [*node.find_payload("/etc/chrony.conf"), *node.find_payload("/etc/chrony/chrony.conf")]:
            yield ToolCheck(
                "chrony",
                output.label(path),
                programs.CHRONYD,
                partial(_judge_chrony, path),
                can_check,
                "4.0 or newer",
            )
        firewall = node.payload(FIREWALL_FOLDER)
        if firewall.is_dir():
            yield ToolCheck(
                "firewall",
                output.label(firewall),
                programs.FIREWALLD,
                partial(_judge_firewall, context, node),
            )
