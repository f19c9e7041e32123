"""Turn what a template reads into plain data, for a rival that knows no Python objects."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from pydantic import SecretStr

PLAIN = (str, int, float, bool, type(None))


class Recorder:
    """Stands for an object; notes every attribute that a template reads.

    `notes` holds the plain data read so far; a template rendered from it gives the
    same text.
    """

    def __init__(self, target: Any) -> None:
        self._target = target
        self.notes: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value, note = simplify(getattr(self._target, name))
        self.notes[name] = note
        return value


def simplify(value: Any) -> tuple[Any, Any]:
    """Return what the template sees of `value`, and its plain twin that fills up while it is read."""
    if isinstance(value, SecretStr):
        return simplify(value.get_secret_value())
    if isinstance(value, PLAIN):
        return value, value
    if isinstance(value, bytes | IPv4Address | IPv4Network):
        text = value.decode() if isinstance(value, bytes) else str(value)
        return text, text
    if isinstance(value, list | tuple):
        pairs = [simplify(item) for item in value]
        return [seen for seen, _ in pairs], [note for _, note in pairs]
    if isinstance(value, dict):
        pairs_by_key = {key: simplify(item) for key, item in value.items()}
        return (
            {key: seen for key, (seen, _) in pairs_by_key.items()},
            {key: note for key, (_, note) in pairs_by_key.items()},
        )
    recorder = Recorder(value)
    return recorder, recorder.notes
