"""How paths and values of a spec are named in messages.

In: paths and values.  Out: short text that never shows a secret.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from generator.diagnostics import SpecPath

MAX_SHOWN = 60
CYRILLIC = re.compile(r"[\u0400-\u052f]")
SENSITIVE = re.compile(r"passw|secret|token|private|gossip|encrypt|^key$", re.IGNORECASE)
# A password with a space or a slash makes no valid URL, and is a password all the same.
# A token may stand alone in the place of the user.
CREDENTIALS = re.compile(r"(?<=://)([^/@\s:]{0,99}:[^@\"'\r\n]{0,299}|[^/@\s:\"']{1,299})(?=@)")

USER = re.compile(r"(?<=://)[^/?#]*@")


def has_user(address: str) -> bool:
    """Say whether a URL has a user in it, and so perhaps a password."""
    return USER.search(address) is not None


def name_key(path: SpecPath) -> str:
    """Return the last key of `path`, with the index of a list item: `address`, `dns[1]`."""
    if not path:
        return "the spec"
    if isinstance(path[-1], int):
        return f"{name_key(path[:-1])}[{path[-1]}]"
    return str(path[-1])


def is_sensitive(path: SpecPath) -> bool:
    """Say whether the value at `path` may be a secret."""
    return any(isinstance(part, str) and SENSITIVE.search(part) for part in path)


def show_value(value: Any, path: SpecPath = ()) -> str:
    """Return `value` as a message may show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "an empty value"
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if is_sensitive(path):
        return "the value"
    text = CREDENTIALS.sub("***", str(value))
    shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
    return f"'{shown}'" if isinstance(value, str) else shown


def join_words(words: Iterable[object], last: str = "and") -> str:
    """Return `a, b and c`; there is at least one word."""
    *most, end = (str(word) for word in words)
    return f"{', '.join(most)} {last} {end}" if most else end


def explain_letters(text: object) -> str | None:
    """Return which letter of `text` is Cyrillic: several look like Latin ones and share their keys."""
    if not isinstance(text, str):
        return None
    found = CYRILLIC.search(text)
    return f"'{found[0]}' is a Cyrillic letter; only Latin ones are allowed" if found else None


def suggest(word: object, known: Sequence[str]) -> str | None:
    """Return the known word that `word` was probably meant to be."""
    folded = {name.lower(): name for name in known}
    matches = get_close_matches(str(word).lower(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None
