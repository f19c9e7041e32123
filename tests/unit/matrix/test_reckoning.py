"""What was seen of the machines, in figures: each must be able to show the fault that it is there for."""

from __future__ import annotations

from tests.matrix.reckoning import (
    Stretch,
    count_rival_rows,
    count_uncovered,
    first_other,
    last_row_of_first,
    list_stretches,
    longest_double,
    longest_silence,
    silent_seconds,
    without,
)
from tests.matrix.scenarios import list_matrix, walk
from tests.matrix.watch import Seen


def test_silence_between_samples_is_no_claim() -> None:
    """A hung server says nothing."""
    samples = [(0.0, "primary"), (0.5, "primary"), (9.0, "primary"), (9.5, "replica"), (9.8, "primary")]
    found = list_stretches("a", samples, "primary")
    assert found == [Stretch("a", 0.0, 0.5), Stretch("a", 9.0, 9.0), Stretch("a", 9.8, 9.8)]


def test_two_at_once_are_two_machines() -> None:
    """The time in which both had it."""
    assert longest_double([Stretch("a", 0, 10), Stretch("b", 8, 20), Stretch("a", 12, 13)]) == 3
    assert longest_double([Stretch("a", 0, 10), Stretch("a", 5, 20)]) == 0


def test_a_machine_that_is_off_has_nothing() -> None:
    """The kernel of a namespace answers for a machine whose programs are stopped."""
    kept = without([Stretch("a", 0, 30), Stretch("b", 5, 6)], "a", 10, 20)
    assert kept == [Stretch("a", 0, 10), Stretch("a", 20, 30), Stretch("b", 5, 6)]


def test_a_row_of_the_old_primary_after_one_of_the_new_is_a_rival() -> None:
    """A failover is not: there the rows change the machine once."""
    old, new = Seen(row=[(1.0, "1"), (2.0, "2")]), Seen(row=[(5.0, "1")])
    assert count_rival_rows({"old": old, "new": new}, 0) == 0
    old.row.append((6.0, "3"))
    assert count_rival_rows({"old": old, "new": new}, 0) == 1


def test_the_old_primary_counts_until_another_one_acknowledges() -> None:
    """A primary that leads again later is no old one."""
    seen = {"old": Seen(row=[(1.0, "1"), (4.0, "2"), (9.0, "3")]), "new": Seen(row=[(6.0, "1")])}
    assert last_row_of_first(seen, "old", 2.0) == 2.0
    assert last_row_of_first(seen, "old", 5.0) is None


def test_silence_counts_to_both_ends() -> None:
    """Nothing until the end is silence."""
    assert longest_silence([3.0, 4.0], 0, 10) == 6
    assert silent_seconds([3.0, 3.5, 4.0], 0, 10) == 9


def test_a_time_without_an_owner_is_seen() -> None:
    """Gaps between two samples are none."""
    held = [Stretch("a", 0, 5), Stretch("b", 5.5, 8), Stretch("b", 12, 20)]
    assert count_uncovered(held, 0, 20) == 4
    assert count_uncovered([], 0, 20) == 20


def test_the_lock_is_gone_when_nobody_or_another_has_it() -> None:
    """A server that does not answer knows nothing."""
    samples = [(1.0, "a"), (2.0, "?"), (3.0, "none"), (4.0, "b")]
    assert first_other(samples, "a", 0) == 3.0
    assert first_other(samples[:2], "a", 0) is None


def test_a_walk_is_repeated_by_its_seed() -> None:
    """And it only goes where a fault can be."""
    assert list(walk("trio", 7, 30)) == list(walk("trio", 7, 30)) != list(walk("trio", 8, 30))
    assert all(scenario.target != "both" for scenario in walk("sirius", 7, 100))
    assert len(set(list_matrix("trio"))) == len(list_matrix("trio"))
