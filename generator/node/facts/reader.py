"""Read a JSON document with all its problems at once.

A problem names the place and what was expected; it never shows the value,
because node.json holds secrets.
"""

from __future__ import annotations

from typing import Any, Mapping

LARGEST_NUMBER = (1 << 53) - 1
"""What JSON's numbers hold exactly (RFC 8259); no size in bytes comes near it."""


class Reader:
    """One JSON object at `where`; problems go into the shared list."""

    def __init__(self, data: object, where: str, problems: list[str]) -> None:
        self.where = where
        self.problems = problems
        if not isinstance(data, dict):
            problems.append(f"{where or 'the document'}: a JSON object is expected")
            data = {}
        self._data: Mapping[str, Any] = data

    def has(self, key: str) -> bool:
        """Say whether the key is there and not null."""
        return self._data.get(key) is not None

    def names(self) -> list[str]:
        """Return the names inside this object, sorted."""
        return sorted(self._data)

    def _place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def _value(self, key: str, kind: type, expected: str, *, default: Any) -> Any:
        if key not in self._data:
            self.problems.append(f"{self._place(key)}: missing")
            return default
        value = self._data[key]
        # JSON's true is an int for Python, and a boolean is never meant where a number is.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.problems.append(f"{self._place(key)}: {expected} is expected")
            return default
        if isinstance(value, int) and not 0 <= value <= LARGEST_NUMBER:
            self.problems.append(f"{self._place(key)}: a number from 0 to {LARGEST_NUMBER} is expected")
            return default
        return value

    def text(self, key: str) -> str:
        """Return a text of one line that must be there."""
        value = self.lines(key)
        if _is_line(value):
            return value
        self.problems.append(f"{self._place(key)}: one line of text is expected")
        return ""

    def lines(self, key: str) -> str:
        """Return a text that must be there."""
        return str(self._value(key, str, "text", default=""))

    def number(self, key: str) -> int:
        """Return a whole number that must be there."""
        return int(self._value(key, int, "a whole number", default=0))

    def boolean(self, key: str) -> bool:
        """Return true or false, which must be there."""
        return bool(self._value(key, bool, "true or false", default=False))

    def texts(self, key: str) -> list[str]:
        """Return a list of texts that must be there."""
        values = self._value(key, list, "a list of texts", default=[])
        if not all(isinstance(value, str) and _is_line(value) for value in values):
            self.problems.append(f"{self._place(key)}: a list of texts, one line each, is expected")
            return []
        return list(values)

    def optional_text(self, key: str) -> str | None:
        """Return a text, or None when the key is missing or null."""
        return self.text(key) if self.has(key) else None

    def optional_number(self, key: str) -> int | None:
        """Return a whole number, or None when the key is missing or null."""
        return self.number(key) if self.has(key) else None

    def section(self, key: str) -> Reader:
        """Return an inner object that must be there."""
        if key not in self._data:
            self.problems.append(f"{self._place(key)}: missing")
            # The inner keys would only repeat the same problem.
            return Reader({}, self._place(key), [])
        return Reader(self._data[key], self._place(key), self.problems)

    def optional_section(self, key: str) -> Reader | None:
        """Return an inner object, or None when the key is missing or null."""
        return self.section(key) if self.has(key) else None

    def sections(self, key: str) -> list[Reader]:
        """Return a list of objects that must be there."""
        values = self._value(key, list, "a list", default=[])
        return [
            Reader(value, f"{self._place(key)}[{index}]", self.problems) for index, value in enumerate(values)
        ]

    def numbers(self, key: str) -> dict[str, int]:
        """Return an object whose values are all whole numbers."""
        inner = self.section(key)
        return {name: inner.number(name) for name in inner.names()}


def _is_line(text: str) -> bool:
    """Say whether a text can be a name, a path and an argument: one line that UTF-8 can write."""
    return not any(ord(letter) < ord(" ") or "\ud800" <= letter <= "\udfff" for letter in text)
