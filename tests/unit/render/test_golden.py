"""The complete output of every example, compared with the tree that was read and approved."""

from __future__ import annotations

import shutil
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
EXAMPLES = ("sirius", "single", "trio")


def read_tree(folder: Path) -> dict[str, str]:
    """Return the files below `folder` by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def compare(expected: dict[str, str], actual: dict[str, str]) -> str:
    """Return the differences of two trees as a unified diff; empty when they are equal."""
    lines: list[str] = []
    for name in sorted(expected.keys() | actual.keys()):
        before, after = expected.get(name, ""), actual.get(name, "")
        lines += unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"golden/{name}",
            f"rendered/{name}",
        )
    return "".join(lines)


@pytest.mark.parametrize("example", EXAMPLES)
def test_output_is_as_approved(example: str, render: Render, update_golden: bool) -> None:  # noqa: FBT001 -- a fixture
    """Any change of the output shows up as a diff; `--update-golden` approves it."""
    actual = {path: file.content.decode() for path, file in render(example).files.items()}
    folder = GOLDEN / example
    if update_golden:
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in actual.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    difference = compare(read_tree(folder), actual)
    if difference:
        pytest.fail(
            f"{difference}\napprove with: pytest --update-golden {Path(__file__).name}", pytrace=False
        )
