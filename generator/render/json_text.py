"""JSON as a person reads it: sections indented, every entry of a list on one line."""

from __future__ import annotations

import json

_ENCODER = json.JSONEncoder(ensure_ascii=False)
_DEPTH = 2
"""How many levels of mappings are spread over lines; what is deeper fits on one."""


def _format(value: object, depth: int) -> str:
    margin = "  " * (depth + 1)
    if isinstance(value, dict) and value and depth < _DEPTH:
        lines = [f"{margin}{_ENCODER.encode(key)}: {_format(part, depth + 1)}" for key, part in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return (
            "[\n" + ",\n".join(margin + _ENCODER.encode(part) for part in value) + "\n" + "  " * depth + "]"
        )
    return _ENCODER.encode(value)


def to_json(document: dict[str, object]) -> bytes:
    """Return a JSON document, the same bytes for the same document; keys keep their order."""
    return (_format(document, 0) + "\n").encode()
