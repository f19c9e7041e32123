"""Why a build failed, in words: Packer alone often does not say.

In: what Packer said, its log, the guest's console.  Out: one message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.tools.packer import Message

FINDING: Final = re.compile(r"^image check: (.*)$", re.MULTILINE)
_CLOSING: Final = re.compile(r"failed, \d+ findings|passed \(")
_QEMU_SAYS: Final = re.compile(r"Qemu stderr: (.+)$", re.MULTILINE)
_HARMLESS: Final = re.compile(r"warning:|terminating on signal")
_NO_START: Final = re.compile(r"[Qq]emu failed to start|Error launching VM")
_NO_LOGIN: Final = re.compile(r"Timeout waiting for SSH|Timeout waiting for IP")
_DOWNLOAD: Final = re.compile(r"error downloading ISO: \[(.*?)\]", re.DOTALL)
_CHECKSUM: Final = re.compile(r"Checksums did not match for (.+?)\.\s+Expected: (\w+)\s+Got: (\w+)")
SHOWN: Final = 25


def list_findings(messages: Sequence[Message]) -> list[str]:
    """Return what the check inside the image found."""
    return [
        finding
        for message in messages
        for finding in FINDING.findall(message.text)
        if not _CLOSING.match(finding)
    ]


def explain_failure(messages: Sequence[Message], log: str, console: str) -> str:
    """Return the cause with the lines that show it."""
    findings = list_findings(messages)
    if findings:
        return f"the image is not fit ({len(findings)} findings):\n" + _indent(findings)
    text = "\n".join(message.text for message in messages)
    qemu = [line for line in dict.fromkeys(_QEMU_SAYS.findall(log)) if not _HARMLESS.search(line)]
    if _NO_START.search(text) and qemu:
        return "QEMU did not start:\n" + _indent(qemu)
    if found := _DOWNLOAD.search(text):
        return _explain_disc(found[1])
    if _NO_LOGIN.search(text):
        return "nobody could log in to the machine; the last lines of its console:\n" + _tail(console)
    last = [line for message in messages for line in message.text.splitlines()][-SHOWN:]
    cause = "the build failed; Packer's last lines:\n" + _indent(last)
    if qemu:
        cause += "\nQEMU said:\n" + _indent(qemu[-5:])
    if not any("Connected to SSH" in message.text for message in messages) and console.strip():
        cause += "\nthe last lines of the machine's console:\n" + _tail(console)
    return cause


def _explain_disc(reason: str) -> str:
    """Return why the installer's disc cannot be used; a disk to start from was compared before."""
    if found := _CHECKSUM.search(reason):
        lines = [found[1], f"checksum declared  {found[2]}", f"checksum found     {found[3]}"]
        return (
            "the installer's disc is not the one that its checksum names "
            "(image.iso_url, image.iso_checksum):\n" + _indent(lines)
        )
    return (
        "the installer's disc could not be downloaded (image.iso_url may name a copy on this machine):\n"
        + _indent(reason.splitlines())
    )


def _indent(lines: Sequence[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _tail(console: str) -> str:
    # A console is for eyes: colours and carriage returns go.
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", console)
    lines = [line for line in plain.splitlines() if line.strip()][-SHOWN:]
    return _indent(lines) or "  (nothing was said on the serial console)"
