"""Files are read by several threads at once."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from generator.verify.hcl import parse_hcl

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = "\n".join(f'k{number} = "pg1"' for number in range(60))
TEMPLATES = "\n".join(f'k{number} = "x ${{upper("y")}} z"' for number in range(60))


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("many_switches")
def test_strings_keep_no_quotes_of_other_threads() -> None:
    """The parser's own state is shared: verify then rejected what was right, now and then."""
    with ThreadPoolExecutor(4) as pool:
        parsed = list(pool.map(parse_hcl, [PLAIN, TEMPLATES] * 30))
    assert {value for values in parsed[::2] for value in values.values()} == {"pg1"}
