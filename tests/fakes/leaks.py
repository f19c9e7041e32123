"""Secrets of a cluster in a text that others may read: a journal, a log, the output of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST_LINE = 32
"""Of a key in PEM; its frame is no secret, and a short last line could stand anywhere."""


def _list_secrets(value: object, title: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, SecretStr):
        lines = value.get_secret_value().splitlines()
        body = lines if len(lines) == 1 else [line for line in lines[1:-1] if len(line) >= SHORTEST_LINE]
        yield from ((title, line) for line in body)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _list_secrets(getattr(value, name), f"{title}.{name}")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _list_secrets(item, f"{title}.{name}")


def find_leaks(bundle: BaseModel, text: str) -> list[str]:
    """Return the names of the bundle's secrets that stand in a text; the values are never shown."""
    return sorted({title for title, secret in _list_secrets(bundle, "bundle") if secret in text})
