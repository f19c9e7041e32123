"""Rendered outputs that are broken on purpose, and the checks that must notice.

A check that cannot fail is a defect: every check has at least one Breakage, and
tests/project compares both lists.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generator.verify.check import ToolCheck
from generator.verify.context import Context
from generator.verify.output import load_output
from generator.verify.runner import PLANS
from generator.verify.secrets import collect_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.credentials.bundle import CredentialBundle
    from generator.tools.toolbox import ToolBox
    from generator.verify.report import CheckResult


@dataclass(frozen=True)
class Breakage:
    """One defect.

    Attributes:
        check: id of the check that must reject.
        file: what is edited, relative to the output folder.
        edit: does it; receives the file's path.
        says: what the rejection must mention.
        title: for the test's name, where several share a check and a file.
    """

    check: str
    file: str
    edit: Callable[[Path], None]
    says: str
    title: str = ""

    def __str__(self) -> str:
        """Return the name of the test."""
        return f"{self.check}: {self.title or self.says}"


def replaced(old: str, new: str) -> Callable[[Path], None]:
    """Return an edit that replaces text which must be there."""

    def edit(path: Path) -> None:
        text = path.read_text("utf-8")
        assert old in text, f"{path} no longer holds {old!r}: the breakage tests nothing"
        path.write_text(text.replace(old, new, 1), "utf-8")

    return edit


def appended(text: str) -> Callable[[Path], None]:
    """Return an edit that adds text at the end, making the file if need be."""

    def edit(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(text)

    return edit


def break_output(source: Path, target: Path, breakage: Breakage) -> Path:
    """Return a copy of an output with the breakage in it; modes are kept."""
    shutil.copytree(source, target)
    breakage.edit(target / breakage.file)
    return target


def judge(
    root: Path, check: str, tools: ToolBox, bundle: CredentialBundle | None = None, *, near: str = ""
) -> list[CheckResult]:
    """Run the checks of one id over an output.

    Args:
        root: the output folder.
        check: the id.
        tools: the outside programs.
        bundle: the secrets, if they are to be known.
        near: a file; checks of other machines than its own are left out.
    """
    output = load_output(root)
    secrets = collect_secrets(output, bundle)
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(output, Path(scratch), secrets, tools.plugins)
        planned = [item for plan in PLANS for item in plan(context) if item.id == check]
        assert planned, f"no check has the id {check}"
        if near.startswith("nodes/"):
            node = near.split("/")[1]
            planned = [item for item in planned if item.file.split("/")[1:2] in ([], [node])]
        return [item.run(tools, secrets.values) for item in planned]


def list_checks(root: Path) -> dict[str, set[str]]:
    """Return the ids of all checks of an output with the programs that they ask."""
    output = load_output(root)
    context = Context(output, root, collect_secrets(output, None))
    found: dict[str, set[str]] = {}
    for plan in PLANS:
        for item in plan(context):
            found.setdefault(item.id, set()).add(
                item.program.name if isinstance(item, ToolCheck) else "holster"
            )
    return found
