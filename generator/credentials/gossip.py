"""Find the gossip key of a running cluster in what its machines have on disk.

In: the bytes of a `consul.hcl`, a `consul.json` or of serf's `local.keyring`.
Out: the key.  Errors never repeat the file's content.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from generator.credentials.check import AES_KEY_BYTES, measure_gossip_key
from generator.errors import InputInvalid

ENCRYPT: Final = re.compile(
    r'^[ \t]*"?encrypt"?[ \t]*[=:][ \t]*"([^"\r\n]*)"[ \t]*,?[ \t]*(?:#.*|//.*)?\r?$', re.MULTILINE
)
"""A whole line that sets `encrypt`; for files that the parsers refuse."""

HINT: Final = "give Consul's configuration (encrypt = …) or <data_dir>/serf/local.keyring of a running agent"


def read_gossip_key(text: bytes) -> str:
    """Return the key in base64, as it stands in the file.

    A keyring's first key is the primary one, the one in use.  16 and 24 bytes are taken
    as well, as a running cluster may use them; `check_bundle` warns of them.

    Raises:
        InputInvalid: no key, several different ones, or one that is no AES key.
    """
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputInvalid("the file is not text, so no gossip key can be read", hint=HINT) from None
    keys = sorted(set(_find_keys(decoded)))
    if not keys:
        raise InputInvalid("the file holds no gossip key", hint=HINT)
    if len(keys) > 1:
        raise InputInvalid(
            "the file holds several different gossip keys", hint="take the keyring: its first key is in use"
        )
    if measure_gossip_key(keys[0]) not in AES_KEY_BYTES:
        raise InputInvalid("the gossip key of the file is not 16, 24 or 32 bytes in base64", hint=HINT)
    return keys[0]


def _find_keys(text: str) -> list[str]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = _parse_hcl(text)
        if data is None:
            return ENCRYPT.findall(text)
    if isinstance(data, list):
        return [str(data[0])] if data else []
    if isinstance(data, dict) and isinstance(data.get("encrypt"), str):
        return [data["encrypt"]]
    return []


def _parse_hcl(text: str) -> dict[str, Any] | None:
    """Return the top of an HCL text; None where it is not HCL 2 (Consul reads HCL 1, which is wider)."""
    import hcl2  # noqa: PLC0415 -- 0.1 s that only an import of a key needs
    from hcl2.utils import SerializationOptions  # noqa: PLC0415 -- likewise
    from lark.exceptions import LarkError  # noqa: PLC0415 -- likewise

    try:
        data: dict[str, Any] = hcl2.loads(
            text, serialization_options=SerializationOptions(strip_string_quotes=True)
        )
    except (LarkError, ValueError, RecursionError):
        return None
    return data
