"""The moments of power cuts come from the seed alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.random_cuts import EARLIEST_S, LATEST_S, Cut, draw_cuts, read_stage

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("trio1", "trio2", "trio3")


def test_same_seed_same_cuts() -> None:
    """A run can be repeated by its seed; another seed gives other moments."""
    assert draw_cuts(7, NAMES, 5) == draw_cuts(7, NAMES, 5)
    assert draw_cuts(7, NAMES, 5) != draw_cuts(8, NAMES, 5)


def test_cuts_lie_within_their_limits_and_reach_every_machine() -> None:
    """Over many draws every machine is first once, and some cuts are for all."""
    cuts = draw_cuts(1, NAMES, 200)
    assert all(EARLIEST_S <= cut.after_s <= LATEST_S for cut in cuts)
    assert {cut.order[0] for cut in cuts} == set(NAMES)
    assert {cut.is_for_all for cut in cuts} == {True, False}


def test_only_machines_whose_first_boot_is_under_way_are_cut() -> None:
    """The first of the order that is not sealed, or all that are not."""
    order = ("trio2", "trio1", "trio3")
    assert Cut(20, order, is_for_all=False, off_s=1).choose({"trio1", "trio3"}) == ["trio1"]
    assert Cut(20, order, is_for_all=True, off_s=1).choose({"trio1", "trio3"}) == ["trio1", "trio3"]
    assert Cut(20, order, is_for_all=False, off_s=1).choose(set()) == []


def test_stage_is_the_one_that_the_console_named_last(tmp_path: Path) -> None:
    """Also when the power went before the program began."""
    console = tmp_path / "console.log"
    assert read_stage(console) == "before the first stage"
    console.write_text(
        "holster: [storage] begins\r\nholster: [storage] done in 3.1 s\r\nholster: [consul] begins\r\n"
    )
    assert read_stage(console) == "consul"
