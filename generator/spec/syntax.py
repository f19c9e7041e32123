"""What the YAML parsers' messages mean to somebody who writes a spec.

libyaml and PyYAML word the same mistakes differently; both are listed.
"""

from __future__ import annotations

SYNTAX_WORDS = (
    ("mapping values are not allowed", "a second `:` stands on this line; quote a value that contains `: `"),
    ("could not find expected ':'", "this key is not followed by `:`"),
    ("did not find expected key", "no key begins here; compare the indentation with the lines above"),
    ("expected <block end>", "no key begins here; compare the indentation with the lines above"),
    ("did not find expected '-'", "no list item begins here; compare the indentation with the lines above"),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("expected ',' or", "a `,` or the closing bracket is missing before this"),
    ("cannot start any token", "no value can begin with this character; put the value in quotes"),
    ("expected node content", "a value is missing before the end of the bracket or the file"),
    ("expected the node content", "a value is missing before the end of the bracket or the file"),
)


def explain_syntax(technical: str) -> str:
    """Return the parser's message in plain words, or itself where none are known."""
    return next((words for pattern, words in SYNTAX_WORDS if pattern in technical), technical)
