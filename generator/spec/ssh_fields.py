"""The field type of a public key of OpenSSH: a line of authorized_keys, its options included (sshd(8))."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Final

from pydantic import AfterValidator, StrictStr

from generator.spec.matching import Matching

MAX_KEY: Final = 8000
"""Characters of a line; an RSA key of 16384 bits has 2750."""
KEY_TYPES: Final = (
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
)  # fmt: skip
FLAGS: Final = (
    "agent-forwarding", "cert-authority", "no-agent-forwarding", "no-port-forwarding", "no-pty",
    "no-touch-required", "no-user-rc", "no-x11-forwarding", "port-forwarding", "pty", "restrict", "user-rc",
    "verify-required", "x11-forwarding",
)  # fmt: skip
SETTINGS: Final = (
    "command", "environment", "expiry-time", "from", "permitlisten", "permitopen", "principals", "tunnel",
)  # fmt: skip
_TYPE: Final = "|".join(map(re.escape, KEY_TYPES))
_SETTING: Final = r'[A-Za-z0-9-]+="([^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"'
_OPTION: Final = rf"([A-Za-z0-9-]+|{_SETTING})"
LINE: Final = re.compile(
    rf"((?P<options>{_OPTION}(,{_OPTION})*) +)?(?P<type>{_TYPE}) +(?P<key>[A-Za-z0-9+/]+=*)( .*)?"
)
PATTERN: Final = re.compile(
    rf"({_OPTION}(,{_OPTION})* +)?({_TYPE}) +[A-Za-z0-9+/]{{40,}}={{0,2}}"
    r"( [^\x00-\x1f\x7f-\x9f\u2028\u2029]*)?"
)


def _split_options(text: str) -> list[str]:
    return [found[0] for found in re.finditer(rf"{_SETTING}|[^,]+", text)]


def _check_line(value: str) -> str:
    """Refuse options that sshd does not know, and what is no base64: sshd would skip the line in silence.

    Raises:
        ValueError: such a line.
    """
    found = LINE.fullmatch(value)
    if found is None:
        return value
    for option in _split_options(found["options"] or ""):
        name, sign, _ = option.partition("=")
        if name.lower() not in (SETTINGS if sign else FLAGS):
            raise ValueError(f"must begin with options of sshd(8) or with the type; {name} is neither")
    try:
        base64.b64decode(found["key"], validate=True)
    except binascii.Error:
        raise ValueError("must hold the whole key: its middle part is cut or changed (no base64)") from None
    return value


def read_type(line: str) -> tuple[str, str]:
    """Return the type that a valid line names, and the one that its key says; empty where it says none."""
    found = LINE.fullmatch(line)
    if found is None:
        raise ValueError("not a line of authorized_keys")
    blob = base64.b64decode(found["key"])
    inner = blob[4 : 4 + int.from_bytes(blob[:4], "big")]
    return found["type"], inner.decode("ascii", "replace")


SshPublicKey = Annotated[
    StrictStr,
    AfterValidator(_check_line),
    Matching(
        PATTERN,
        "must be one OpenSSH public key line: options if any, type, base64 key, comment",
        longest=MAX_KEY,
    ),
]
