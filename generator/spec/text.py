"""From the bytes of a spec to text that a YAML parser may read.

In: bytes.  Out: text, and the first thing in it that no spec may contain.
"""

from __future__ import annotations

import re

from generator.diagnostics import Position, Problem

MAX_BYTES = 1024 * 1024
LINE_BREAK = re.compile(r"\r\n|\r|\n")
# Everything that YAML 1.1 forbids or treats as a line break that no editor shows as one.
CONTROL = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
COMMENT = re.compile(r"(?<!\S)#")
ENCODING_HINT = "save the file as UTF-8 without a byte order mark"


def decode_text(text: bytes) -> tuple[str, Problem | None]:
    """Return the text for excerpts, and the problem that forbids to parse it."""
    if len(text) > MAX_BYTES:
        message = f"the file has {len(text)} bytes; a spec has at most {MAX_BYTES}"
        return "", Problem("file-too-large", message, position=Position(1, 1))
    try:
        content = text.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"byte 0x{text[error.start]:02x} is not UTF-8 text"
        position = _find_end(text[: error.start].decode("utf-8"))
        shown = text.decode("utf-8", errors="replace")
        return shown, Problem("not-utf8", message, position=position, hint=ENCODING_HINT)
    return content, _find_mark(content) or _find_control(content) or _find_tab(content)


def split_lines(content: str) -> tuple[str, ...]:
    """Return the lines as the YAML parser counts them; at least one."""
    lines = LINE_BREAK.split(content)
    return tuple(lines if lines[-1] or len(lines) == 1 else lines[:-1])


def _find_end(content: str) -> Position:
    lines = LINE_BREAK.split(content)
    return Position(len(lines), len(lines[-1]) + 1)


def _find_mark(content: str) -> Problem | None:
    if not content.startswith("\ufeff"):
        return None
    message = "the file begins with a byte order mark"
    return Problem("byte-order-mark", message, position=Position(1, 1), hint=ENCODING_HINT)


def _find_control(content: str) -> Problem | None:
    found = CONTROL.search(content)
    if not found:
        return None
    message = f"the character U+{ord(found[0]):04X} is not allowed in a spec"
    position = _find_end(content[: found.start()])
    return Problem(
        "control-character", message, position=position, hint="remove it; your editor may not show it"
    )


def _find_tab(content: str) -> Problem | None:
    """Return the first tab outside comments: PyYAML and libyaml differ on where tabs are allowed."""
    tabs = [
        Position(number, column + 1)
        for number, line in enumerate(LINE_BREAK.split(content), 1)
        if (column := COMMENT.split(line, maxsplit=1)[0].find("\t")) >= 0
    ]
    if not tabs:
        return None
    more = f", and on {len(tabs) - 1} more lines" if len(tabs) > 1 else ""
    hint = "YAML is indented with spaces; replace every tab"
    return Problem("tab", f"a tab stands here{more}", position=tabs[0], hint=hint)
