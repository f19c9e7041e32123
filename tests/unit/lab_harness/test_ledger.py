"""The ledger's arithmetic: nothing promised may be missing, silence counts as silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.ledger import Gap, Ledger, compare, list_gaps, longest_gap, read_ledger

if TYPE_CHECKING:
    from pathlib import Path


def test_ledger_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """Numbers and moments come back as written; a second writer goes on in the same file."""
    path = tmp_path / "ledger"
    with Ledger(path) as ledger:
        ledger.acknowledge(1, 10.0)
        assert read_ledger(path) == {1: 10.0}, "on the disk before the next row is written"
    with Ledger(path) as ledger:
        ledger.acknowledge(3, 10.5)
    assert read_ledger(path) == {1: 10.0, 3: 10.5}


def test_lost_row_is_found() -> None:
    """A promised row that is absent is lost; a row that was never promised is not."""
    comparison = compare(acknowledged=[1, 2, 4], rows=[1, 3, 4], attempted=4)
    assert comparison.lost == (2,)
    assert comparison.unacknowledged == (3,)
    assert comparison.unasked == ()
    assert comparison.acknowledged == 3


def test_row_that_nobody_sent_is_found() -> None:
    """A number beyond the last attempt comes from elsewhere."""
    assert compare(acknowledged=[1], rows=[0, 1, 9], attempted=3).unasked == (0, 9)


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        pytest.param([1.0, 2.0, 7.0, 8.0], Gap(2.0, 7.0), id="between-rows"),
        pytest.param([1.0, 2.0], Gap(2.0, 10.0), id="silence-until-the-end"),
        pytest.param([9.0], Gap(0.0, 9.0), id="silence-from-the-beginning"),
        pytest.param([], Gap(0.0, 10.0), id="no-row-at-all"),
        pytest.param([-5.0, 4.0, 12.0], Gap(4.0, 10.0), id="rows-outside-do-not-count"),
    ],
)
def test_longest_gap(moments: list[float], expected: Gap) -> None:
    """The longest time without a row, within the time asked for."""
    assert longest_gap(moments, 0.0, 10.0) == expected


def test_gaps_fill_the_whole_time() -> None:
    """No moment is lost between two gaps."""
    gaps = list_gaps([3.0, 1.0], 0.0, 5.0)
    assert sum(gap.seconds for gap in gaps) == 5.0
