"""What a unit's log tells."""

from __future__ import annotations

import pytest

from generator.firstboot.causes import read_cause


@pytest.mark.parametrize(
    ("unit", "line"),
    [
        ("patroni", "2026-11-23 04:36:{second},447 INFO: waiting for leader to bootstrap"),
        ("consul", '2026-11-23T04:14:{second}.247Z [ERROR] agent: error="No cluster leader"'),
    ],
)
def test_a_line_that_is_logged_again_is_no_news(unit: str, line: str) -> None:
    """A waiting stage says it once, not every ten seconds for minutes."""
    first, second = (read_cause(unit, line.format(second=second)) for second in ("11", "21"))
    assert first is not None
    assert first == second
    assert "2026" not in first[1]
