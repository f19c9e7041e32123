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
_CHECKSUM: Final = re.compile(r"[Cc]hecksums? (did not match|mismatch)|checksum.*(did not match|mismatch)")
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
    errors = [message.text for message in messages if message.kind == "error"]
    qemu = [line for line in dict.fromkeys(_QEMU_SAYS.findall(log)) if not _HARMLESS.search(line)]
    if _NO_START.search(text) and qemu:
        return "QEMU did not start:\n" + _indent(qemu)
    if _CHECKSUM.search(text):
        return "the disc or disk is not the one that its checksum names:\n" + _indent(errors)
    if _NO_LOGIN.search(text):
        return "nobody could log in to the machine; the last lines of its console:\n" + _tail(console)
    last = [line for message in messages for line in message.text.splitlines()][-SHOWN:]
    cause = "the build failed; Packer's last lines:\n" + _indent(last)
    if qemu:
        cause += "\nQEMU said:\n" + _indent(qemu[-5:])
    if not any("Connected to SSH" in message.text for message in messages) and console.strip():
        cause += "\nthe last lines of the machine's console:\n" + _tail(console)
    return cause


def _indent(lines: Sequence[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _tail(console: str) -> str:
    # A console is for eyes: colours and carriage returns go.
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", console)
    lines = [line for line in plain.splitlines() if line.strip()][-SHOWN:]
    return _indent(lines) or "  (nothing was said on the serial console)"
