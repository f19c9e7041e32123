"""Damage to text that a program of ours wrote: what editors, disks and people do to it.  For fuzz tests."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    2**70,
    1.5,
    float("inf"),
    float("nan"),
    "",
    " ",
    ".",
    "..",
    "/",
    "../../etc/passwd",
    "a\0b",
    "a\nb",
    "\ud800",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "x" * 5000,
    [],
    {},
    [[]],
    {"a": {"b": {}}},
)


def make_draw(name: str) -> random.Random:
    """Return a source of draws; its seed is printed, so that a failure can be repeated."""
    seed = secrets.randbits(32)
    print(f"{name}: seed {seed}")  # noqa: T201 -- pytest shows it with a failure
    return random.Random(seed)  # noqa: S311 -- a test's draw


def _change(draw: random.Random, content: bytearray, place: int) -> None:
    content[place : place + 1] = draw.randbytes(1)


def _cut(draw: random.Random, content: bytearray, place: int) -> None:
    del content[place : draw.choice([place + draw.randrange(2000), len(content)])]


def _double(draw: random.Random, content: bytearray, place: int) -> None:
    content[place:place] = content[place : place + draw.randrange(400)]


def _insert(draw: random.Random, content: bytearray, place: int) -> None:
    content[place:place] = draw.choice(TOKENS)


def _nest(draw: random.Random, content: bytearray, place: int) -> None:
    content[place:place] = draw.choice([b"[", b"{a: ", b"? ", b'{"a":', b"- "]) * 5000


TOKENS: Final = (b"\0", b"\t", b"\r", b": ", b"- ", b"{", b"[", b"'", b'"', b"&a ", b"*a", b"!!binary ")
WAYS: Final = (_change, _change, _cut, _double, _insert, _insert, _nest)


def damage_bytes(draw: random.Random, text: bytes) -> bytes:
    """Return the text with a few bytes changed, cut or doubled, nested deeply, or in another encoding."""
    content = bytearray(text)
    for _ in range(draw.choice([1, 1, 1, 3, 10])):
        draw.choice(WAYS)(draw, content, draw.randrange(len(content) + 1))
    if draw.random() < 0.05:
        return b"\xef\xbb\xbf" + bytes(content)
    if draw.random() < 0.05:
        return bytes(content).decode("latin-1").encode("utf-16")
    return bytes(content)


def list_places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield (*path, key)
        yield from list_places(value, (*path, key))


def damage_data(draw: random.Random, data: Any) -> None:
    """Change, remove, rename or exchange one value of nested data, in place."""
    places = list(list_places(data))
    path, other = draw.choice(places), draw.choice(places)
    parent = _find(data, path[:-1])
    match draw.randrange(4):
        case 0:
            del parent[path[-1]]
        case 1 if isinstance(parent, dict):
            parent[draw.choice(["x", "", "\0", "a b"])] = parent.pop(path[-1])
        case 2:
            parent[path[-1]] = _find(data, other) if path[: len(other)] != other else None
        case _:
            parent[path[-1]] = draw.choice(ODD_VALUES)


def _find(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data
