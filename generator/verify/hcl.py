"""Read HCL into plain values, for asserting structure.

python-hcl2 accepts some text that Packer and Consul refuse, so that it never is the
only judge of a file.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, Final

import hcl2
from hcl2 import SerializationOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPTIONS: Final = SerializationOptions(
    with_comments=False, explicit_blocks=False, strip_string_quotes=True, preserve_heredocs=False
)


# python-hcl2 8.1 keeps "inside a template" in one object that all its calls share: of two threads
# one would get the other's quotes.
_LOCK = threading.Lock()


class HclInvalid(Exception):
    """The text is not HCL."""


def parse_hcl(text: str) -> dict[str, Any]:
    """Return the attributes and blocks of a file; a block is a list of mappings.

    Raises:
        HclInvalid: the text is not HCL; the message names the line, never the value.
    """
    try:
        with _LOCK:
            parsed: dict[str, Any] = hcl2.loads(
                text if text.endswith("\n") else f"{text}\n", serialization_options=_OPTIONS
            )
    except Exception as error:  # noqa: BLE001 - the errors of its parser have no common public base
        line = getattr(error, "line", None)
        raise HclInvalid(f"is not HCL{f' (line {line})' if line else ''}") from None
    return parsed


def get_block(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the block below these names with repeated blocks merged; empty when absent."""
    for name in names:
        found = values.get(name) or {}
        blocks: Iterable[dict[str, Any]] = found if isinstance(found, list) else [found]
        values = {key: value for block in blocks for key, value in block.items()}
    return values


def drop_attribute(text: str, name: str) -> str:
    """Return the text without the lines that set the attribute `name`."""
    return re.sub(rf"^[ \t]*{re.escape(name)}[ \t]*=.*\n", "", text, flags=re.MULTILINE)
