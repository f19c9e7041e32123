"""Read the YAML text of a spec: plain data with the position of every key and value.

In: bytes.  Out: a SourceDocument; what is wrong with the text is listed in it.
Never raises on bad input, never looks at what the keys mean.

The parser's events are read in one loop with a stack of its own, so that neither
deep nesting nor an alias bomb costs more than reading the bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from generator.diagnostics import Position, Problem, SpecPath
from generator.spec.document import SourceDocument
from generator.spec.redaction import redact_lines
from generator.spec.syntax import explain_syntax
from generator.spec.text import decode_text, split_lines

MAX_DEPTH = 32
MAX_PROBLEMS = 100

# libyaml's parser is ten times faster; a test compares what both say.
LOADER: type[Any] = getattr(yaml, "CLoader", yaml.Loader)

INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


def parse_source(text: bytes, name: str) -> SourceDocument:
    """Return the document in `text`; its problems are part of it."""
    content, problem = decode_text(text)
    if problem:
        return SourceDocument(
            name, redact_lines(split_lines(content), {}), problems=(problem,), is_usable=False
        )
    return _Builder(name, content).build()


@dataclass(slots=True)
class _Frame:
    """An open mapping or list."""

    path: SpecPath
    container: dict[str, Any] | list[Any]
    start: Any
    is_flow: bool
    key: str | None = None
    is_dropped: bool = False
    """The value of the current key is read but not kept."""


class _Builder:
    """Turns the parser's events into data and positions."""

    def __init__(self, name: str, content: str) -> None:
        self.name = name
        self.content = content
        self.lines = split_lines(content)
        self.keys: dict[SpecPath, Position] = {}
        self.values: dict[SpecPath, Position] = {}
        self.problems: list[Problem] = []
        self.broken: set[SpecPath] = set()
        self.stack: list[_Frame] = []
        self.root: Any = None
        self.documents = 0
        self.is_readable = True
        self.has_alias = False
        self.skipped_levels = 0
        self.unnamed = 0

    def build(self) -> SourceDocument:
        """Return the document after reading every event."""
        try:
            for event in yaml.parse(self.content, Loader=LOADER):
                if not self._take(event):
                    break
        except yaml.MarkedYAMLError as error:
            self._report_syntax(error)
            self.is_readable = False
        is_usable = self.is_readable and self._check_root()
        return SourceDocument(
            name=self.name,
            lines=redact_lines(self.lines, self.values),
            data=self.root if is_usable else {},
            keys=self.keys,
            values=self.values,
            problems=tuple(self.problems),
            broken=frozenset(self.broken),
            is_usable=is_usable,
        )

    def _take(self, event: Any) -> bool:
        """Handle one event; return False to stop reading."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                hint = "keep one cluster per file; remove the line ---"
                self._report(
                    "multiple-documents", "a second document begins here", self._mark(event), hint=hint
                )
                return False
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.NodeEvent):
            return self._take_node(event)
        return True

    def _take_node(self, event: Any) -> bool:
        if isinstance(event, yaml.CollectionStartEvent) and self._is_too_deep(event):
            return False
        if self.skipped_levels:
            # Inside a key that is itself a list or mapping: only its end matters.
            self.skipped_levels += isinstance(event, yaml.CollectionStartEvent)
            return True
        self._check_alias(event)
        frame = self.stack[-1] if self.stack else None
        if frame and isinstance(frame.container, dict) and frame.key is None:
            self._take_key(frame, event)
            return True
        self._take_value(frame, event)
        return True

    def _is_too_deep(self, event: Any) -> bool:
        if len(self.stack) + self.skipped_levels < MAX_DEPTH:
            return False
        message = f"more than {MAX_DEPTH} levels of nesting"
        self._report("too-deep", message, self._mark(event), hint="a spec needs no more than seven")
        self.is_readable = False
        return True

    def _check_alias(self, event: Any) -> None:
        if event.anchor is None or self.has_alias:
            return
        self.has_alias = True
        hint = "write the value itself; `storage:` at the top level holds defaults for all nodes"
        message = "anchors (&) and aliases (*) are not used in a spec: every value stands where it is read"
        self._report("alias", message, self._mark(event), hint=hint)

    def _take_key(self, frame: _Frame, event: Any) -> None:
        position = self._mark(event)
        frame.is_dropped = False
        key = event.value if isinstance(event, yaml.ScalarEvent) else None
        if key is None or not isinstance(resolve_scalar(event), str) or event.tag:
            hint = f'put it in quotes: "{key}"' if key else "a key is a word followed by :"
            self._report("key-not-text", "a key must be text", position, hint=hint)
            self.skipped_levels = int(isinstance(event, yaml.CollectionStartEvent))
            self._drop_entry(frame)
        elif (*frame.path, key) in self.keys:
            first = self.keys[(*frame.path, key)]
            message = f"the key {key!r} stands here twice; the first is on line {first.line}"
            self._report(
                "duplicate-key", message, position, hint="remove one of the two", path=(*frame.path, key)
            )
            self.broken.add((*frame.path, key))
            self._drop_entry(frame)
        elif key == "<<":
            self._check_merge(position)
            self._drop_entry(frame)
        else:
            frame.key = key
            self.keys[(*frame.path, key)] = position

    def _check_merge(self, position: Position) -> None:
        if not self.has_alias:
            self.has_alias = True
            self._report(
                "alias", "merge keys (<<) are not used in a spec", position, hint="write the keys themselves"
            )

    def _drop_entry(self, frame: _Frame) -> None:
        self.unnamed += 1
        frame.key = f"\0{self.unnamed}"
        frame.is_dropped = True

    def _take_value(self, frame: _Frame | None, event: Any) -> None:
        path = self._next_path(frame)
        self.values[path] = self._mark(event)
        if isinstance(event, yaml.CollectionStartEvent):
            container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._attach(frame, path, container)
            self.stack.append(_Frame(path, container, event.start_mark, bool(event.flow_style)))
        elif isinstance(event, yaml.AliasEvent):
            self.broken.add(path)
            self._attach(frame, path, None)
        else:
            self._attach(frame, path, resolve_scalar(event))
            if event.start_mark.index == event.end_mark.index and path in self.keys:
                self.values[path] = self.keys[path]
        self._check_tag(event, path)

    def _check_tag(self, event: Any, path: SpecPath) -> None:
        if getattr(event, "tag", None):
            name = event.tag.replace("tag:yaml.org,2002:", "!!")
            hint = "write the value without it; quotes make any value text"
            self._report("unknown-tag", f"the tag {name} is not used in a spec", self._mark(event), hint=hint)
            self.broken.add(path)

    def _next_path(self, frame: _Frame | None) -> SpecPath:
        if frame is None:
            return ()
        if isinstance(frame.container, list):
            return (*frame.path, len(frame.container))
        return (*frame.path, str(frame.key))

    def _attach(self, frame: _Frame | None, path: SpecPath, value: Any) -> None:
        if frame is None:
            self.root = value
        elif isinstance(frame.container, list):
            frame.container.append(value)
        else:
            if not frame.is_dropped:
                frame.container[str(frame.key)] = value
            frame.key = None
        if (
            len(path)
            and frame
            and isinstance(frame.container, dict)
            and len(frame.container) == 1
            and not frame.is_flow
        ):
            # A block mapping is shown by its first key.
            self.values[frame.path] = self.keys.get(path, self.values[frame.path])

    def _close(self, event: Any) -> None:
        if self.skipped_levels:
            self.skipped_levels -= 1
            return
        frame = self.stack.pop()
        if frame.is_flow:
            self.values[frame.path] = self._span(frame.start, event.end_mark)

    def _check_root(self) -> bool:
        if self.root is None:
            hint = "`holster init FILE` writes a spec to start from"
            self._report("empty-file", "the file holds no spec", Position(1, 1), hint=hint)
            return False
        if not isinstance(self.root, dict):
            self._report(
                "not-a-mapping",
                "a spec is a mapping of keys to values",
                Position(1, 1),
                hint="begin with `holster: 1`",
            )
            return False
        return True

    def _mark(self, event: Any) -> Position:
        is_block = isinstance(event, yaml.CollectionStartEvent) and not event.flow_style
        return self._span(event.start_mark, event.start_mark if is_block else event.end_mark)

    def _span(self, start: Any, end: Any) -> Position:
        """Return the part of start..end on the first line, kept inside the file."""
        line = min(start.line, len(self.lines) - 1)
        width = len(self.lines[line])
        column = min(start.column, width) if line == start.line else width
        last = end.column if end.line == start.line else width
        return Position(line + 1, column + 1, max(1, last - column))

    def _report(
        self, identifier: str, message: str, position: Position, *, hint: str, path: SpecPath = ()
    ) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(identifier, message, path=path, position=position, hint=hint))

    def _report_syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        position = self._span(mark, mark) if mark else Position(1, 1)
        message = f"this is not YAML: {explain_syntax(error.problem or 'it cannot be read')}"
        context = error.context_mark
        began = (
            f"what is unfinished began on line {context.line + 1}"
            if context and context.line + 1 < position.line
            else None
        )
        self.problems.append(Problem("yaml-syntax", message, position=position, hint=began))


def resolve_scalar(event: Any) -> Any:
    """Return the value of a scalar: only true, false, null and decimal integers are special.

    YAML 1.1 would read the MAC address 52:54:00:12:34:56 as a base-60 number, `no` as
    false, 0644 as 420 and 1.10 as 1.1: here all of them stay text.
    """
    value: str = event.value
    if not event.implicit[0]:
        return value
    if value in WORDS:
        return WORDS[value]
    return int(value) if INTEGER.fullmatch(value) else value
