"""docs/verify.md lists exactly the checks that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from generator.cli import INTERRUPTED, UNREAD
from generator.errors import HolsterError
from tests.fakes.broken_output import list_checks

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/verify.md"


def exit_codes(error: type[HolsterError] = HolsterError) -> set[int]:
    """Return the codes of an error and of all errors below it."""
    return {error.exit_code}.union(*(exit_codes(each) for each in error.__subclasses__()))


def test_every_exit_code_is_documented() -> None:
    """A program that calls us asks for them."""
    codes = re.findall(r"^\| (\d+) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert {int(code) for code in codes} == {0, INTERRUPTED, UNREAD} | exit_codes()


def test_every_check_is_documented(rendered_example: Callable[..., Path]) -> None:
    """Both directions: none is missing, none is invented."""
    rows = re.findall(r"^\| (`[a-z`\- ]+`) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
    assert documented == set(list_checks(rendered_example("sirius", "redos8")))
