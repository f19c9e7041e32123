"""Ids of problems: all documented, all shown by a broken spec, none forgotten."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from generator.credentials import check as credentials_check
from generator.layout import PACKAGE, find_resources
from generator.platforms.rules import RULES as PLATFORM_RULES
from generator.spec.rules import RULES

DOCS = find_resources() / "docs" / "errors.md"
BROKEN = Path(__file__).parents[2] / "diagnostics"
ELSEWHERE = {credentials_check.EXPIRES, credentials_check.SHORT_KEY, credentials_check.LEFTOVER}
"""Ids about the credential bundle, which no spec can cause."""
WITHOUT_FILE = {"file-too-large"}
"""Ids whose broken spec would be a megabyte of nothing."""


def list_ids_in_code() -> set[str]:
    """Return the ids that the code writes out where it makes a problem."""
    found = set()
    sources = [
        *(PACKAGE / "spec").rglob("*.py"),
        PACKAGE / "check.py",
        *(PACKAGE / "platforms/rules").glob("*.py"),
    ]
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Problem", "self._report"}:
                found |= _list_constants(node.args[:1])
            elif isinstance(node, ast.Assign) and "identifier" in ast.unparse(node.targets[0]):
                value = node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value
                found |= _list_constants([value])
    return found


def _list_constants(nodes: list[ast.expr]) -> set[str]:
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def list_documented() -> list[str]:
    """Return the ids of docs/errors.md in their order."""
    return re.findall(r"^### `(.+)`$", DOCS.read_text("utf-8"), re.MULTILINE)


def test_every_id_is_documented_and_every_documented_id_exists() -> None:
    """Both directions; each id once."""
    documented = list_documented()
    assert len(documented) == len(set(documented))
    assert set(documented) == list_ids_in_code() | ELSEWHERE


def test_every_documented_id_says_how_to_mend_it() -> None:
    """Meaning and fix."""
    for section in DOCS.read_text("utf-8").split("\n### ")[1:]:
        assert "\nFix: " in section, section.splitlines()[0]


def test_every_id_has_a_broken_spec() -> None:
    """tests/diagnostics holds one for each id, and nothing else."""
    names = {path.stem for path in BROKEN.glob("*.yaml")}
    assert names == list_ids_in_code() - WITHOUT_FILE
    assert names == {path.stem for path in BROKEN.glob("*.txt")}


def test_rules_declare_the_ids_that_they_report() -> None:
    """The ids of a rule are those written in it; `wrong-value` is shared with the shape."""
    rules = (*RULES, *PLATFORM_RULES)
    declared = {identifier for rule in rules for identifier in rule.ids}
    assert declared < list_ids_in_code()
