"""Lines of a spec as excerpts may show them: without passwords.

A spec needs no password, yet people write them: a plain password where a hash is
asked for, a key that does not exist, a URL with credentials.  And they give the wrong
file: the credential bundle, or a configuration that a machine got.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from generator.spec.wording import CREDENTIALS, is_sensitive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from generator.diagnostics import Position, SpecPath

# Bounded repetitions: a line of a megabyte must not cost more than one pass.
ASSIGNMENT = re.compile(
    r"((?:passw|secret|token|private|gossip|encrypt|(?<![\w-])key(?=[\"']?\s{0,60}:))"
    r"[\w-]{0,60}[\"']?\s{0,60}(?::(?:\s{1,60}|$)|=))(.*)",
    re.IGNORECASE,
)


def redact_lines(source: Sequence[str], values: Mapping[SpecPath, Position]) -> tuple[str, ...]:
    """Return the lines; what may be a secret becomes as many asterisks."""
    lines = list(source)
    for path, position in values.items():
        if is_sensitive(path):
            start = position.column - 1
            lines[position.line - 1] = _mask(lines[position.line - 1], start, start + position.length)
    level = None
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if level is not None and (indent > level or not line.strip()):
            # A value that goes on, or a mapping below a key that names a secret.
            lines[number] = _mask(line, 0, len(line))
            continue
        lines[number], found = ASSIGNMENT.subn(lambda match: match[1] + "*" * len(match[2]), line)
        lines[number] = CREDENTIALS.sub(lambda match: "*" * len(match[0]), lines[number])
        level = indent if found else None
    return tuple(lines)


def _mask(line: str, start: int, end: int) -> str:
    return line[:start] + re.sub(r"\S", "*", line[start:end]) + line[end:]
