"""docs/architecture.md, the tree and the import contract show the same rooms in the same words."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "generator"
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
ROW = re.compile(r"^\| `generator/([a-z_/.]+)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
ROWS = {found[1].removesuffix(".py").rstrip("/"): found for found in ROW.finditer(PAGE)}
LAYERS = {
    contract["containers"][0]: contract["layers"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
}


def list_modules(folder: Path) -> set[str]:
    """Return the names of modules and packages of a folder that hold code."""
    return {
        path.stem
        for path in folder.iterdir()
        if path.stem not in {"__init__", "__main__"}
        and (path.suffix == ".py" or (path / "__init__.py").is_file())
    }


def split_layers(lines: list[str]) -> list[list[str]]:
    """Return the modules of each layer."""
    return [[name.strip() for name in line.split("|")] for line in lines]


@pytest.mark.parametrize(("container", "folder"), [("generator", ""), ("generator.node", "node")])
def test_contract_and_tree_name_the_same_modules(container: str, folder: str) -> None:
    """A module that no layer names is imported from everywhere."""
    named = {name for layer in split_layers(LAYERS[container]) for name in layer}
    assert named | ({"node"} if not folder else set()) == list_modules(GENERATOR / folder)


@pytest.mark.parametrize("container", ["generator", "generator.node"])
def test_page_and_contract_show_the_same_layers(container: str) -> None:
    """The page draws what import-linter checks."""
    blocks = re.findall(r"^```\n(cli\n.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    drawn = [split_layers(block.splitlines()) for block in blocks]
    assert split_layers(LAYERS[container]) in drawn


def test_page_and_tree_show_the_same_rooms() -> None:
    """Folders and modules beside them; of the program on the machine, its folders."""
    rooms = list_modules(GENERATOR) - {"node"}
    rooms |= {f"node/{path.parent.name}" for path in (GENERATOR / "node").glob("*/__init__.py")}
    assert set(ROWS) == rooms


@pytest.mark.parametrize("room", sorted(ROWS))
def test_a_room_says_what_the_page_says(room: str) -> None:
    """What it is, what goes in, what comes out."""
    path = GENERATOR / f"{room}.py"
    source = (path if path.is_file() else GENERATOR / room / "__init__.py").read_text("utf-8")
    words = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
    _, what, comes_in, goes_out = ROWS[room].groups()
    assert words.startswith(what)
    assert f"In: {comes_in}. Out: {goes_out}." in words
