"""The documentation of the spec's keys, read from the source of the models.

Used for JSON Schema and docs/spec.md only: loading a spec does not pay for it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from generator.spec import model


@dataclass(frozen=True, slots=True)
class AttributeDoc:
    """One key: its annotation as written, and the text below it on one line."""

    annotation: ast.expr
    text: str


@cache
def read_attribute_docs() -> dict[str, dict[str, AttributeDoc]]:
    """Return by class and attribute what the models' source says."""
    docs: dict[str, dict[str, AttributeDoc]] = {}
    files = [path for folder in model.__path__ for path in sorted(Path(folder).glob("*.py"))]
    for node in (node for path in files for node in ast.parse(path.read_text("utf-8")).body):
        if isinstance(node, ast.ClassDef):
            bases = (base.id for base in node.bases if isinstance(base, ast.Name))
            inherited = (docs.get(base, {}) for base in bases)
            docs[node.name] = dict(pair for part in (*inherited, _read_class(node)) for pair in part.items())
    return docs


def _read_class(node: ast.ClassDef) -> dict[str, AttributeDoc]:
    docs = {}
    for statement, following in zip(node.body, node.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = _read_text(following)
            if text:
                docs[statement.target.id] = AttributeDoc(statement.annotation, text)
    return docs


def _read_text(statement: ast.stmt) -> str:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return ""
    return " ".join(str(statement.value.value).split())
