"""docs/verify.md lists exactly the checks that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.broken_output import list_checks

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/verify.md"


def test_every_check_is_documented(rendered_example: Callable[..., Path]) -> None:
    """Both directions: none is missing, none is invented."""
    rows = re.findall(r"^\| (`[a-z`\- ]+`) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
    assert documented == set(list_checks(rendered_example("sirius", "redos8")))
