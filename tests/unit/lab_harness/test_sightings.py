"""Two owners of an address must be found, and delays of the network must not look like them."""

from __future__ import annotations

import pytest

from tests.lab.sightings import (
    Sample,
    align,
    find_doubles,
    first_seen,
    list_held,
    longest_blind,
    parse_line,
)


def watch(node: str, values: dict[float, str], *, offset: float = 0.0, delay: float = 0.0) -> list[Sample]:
    """Return samples at moments of our clock, taken by a guest whose clock is `offset` ahead."""
    return [
        Sample(node, 1, moment + offset, moment + (delay if number else 0.0), value)
        for number, (moment, value) in enumerate(sorted(values.items()))
    ]


def span(start: float, end: float, value: str) -> dict[float, str]:
    """Return a value sampled four times a second."""
    return {start + 0.25 * number: value for number in range(int((end - start) * 4) + 1)}


def test_hand_over_is_no_double() -> None:
    """One lets go, then the other takes it."""
    first = watch("a", {**span(0, 5, "has"), **span(5.25, 10, "not")}, offset=500)
    second = watch("b", {**span(0, 5.5, "not"), **span(5.75, 10, "has")}, offset=-3)
    sightings = align([*first, *second])
    assert find_doubles(sightings, "has") == []
    assert [(held.node, held.start, held.end) for held in list_held(sightings, "has")] == [
        ("a", 0.0, 5.0),
        ("b", 5.75, 10.0),
    ]


def test_two_owners_are_found() -> None:
    """Both have it for one second, whatever their clocks say."""
    first = watch("a", {**span(0, 6, "has"), **span(6.25, 10, "not")}, offset=500)
    second = watch("b", {**span(0, 4.75, "not"), **span(5, 10, "has")}, offset=-3)
    doubles = find_doubles(align([*first, *second]), "has")
    assert {(double.first, double.second) for double in doubles} == {("a", "b"), ("b", "a")}
    assert all(5.0 <= double.moment <= 6.0 for double in doubles)


def test_late_lines_do_not_look_like_two_owners() -> None:
    """The lines of one machine arrive a second late: its clock says when they were read."""
    first = watch("a", {**span(0, 5, "has"), **span(5.25, 10, "not")}, delay=1.0)
    second = watch("b", {**span(0, 5.25, "not"), **span(5.5, 10, "has")})
    assert find_doubles(align([*first, *second]), "has") == []


def test_one_sighting_inside_anothers_time_is_a_double() -> None:
    """A machine that has the address for one sample only is found, too."""
    first = watch("a", span(0, 10, "has"))
    second = watch("b", {**span(0, 10, "not"), 5.0: "has"})
    assert [double.moment for double in find_doubles(align([*first, *second]), "has")] == [5.0]


def test_a_blind_spot_proves_nothing_and_is_measured() -> None:
    """Between two samples four seconds apart nobody knows who had it."""
    first = watch("a", {**span(0, 3, "has"), **span(7, 9, "has")})
    second = watch("b", {**span(0, 3, "not"), **span(4, 6, "has"), **span(6.25, 9, "not")})
    sightings = align([*first, *second])
    assert find_doubles(sightings, "has") == []
    assert longest_blind(sightings) == 4.0


def test_a_new_boot_is_a_new_clock() -> None:
    """After a reboot the guest's clock begins anew; its old samples stay where they were."""
    before = [Sample("a", 1, 100.0 + step, 10.0 + step, "has") for step in (0.0, 0.5)]
    after = [Sample("a", 2, 5.0 + step, 60.0 + step, "has") for step in (0.0, 0.5)]
    sightings = align([*before, *after])
    assert [sighting.moment for sighting in sightings] == [10.0, 10.5, 60.0, 60.5]
    assert longest_blind(sightings) == 0.5
    assert len(list_held(sightings, "has")) == 2


def test_first_seen_looks_only_after_the_moment() -> None:
    """The first sighting of one of the named machines."""
    sightings = align(watch("a", span(0, 5, "has")) + watch("b", {**span(0, 2, "not"), **span(3, 5, "has")}))
    assert first_seen(sightings, "has", after=1.0, nodes=["b"]) == 3.0
    assert first_seen(sightings, "has", after=5.0, nodes=["a", "b"]) is None


@pytest.mark.parametrize(
    "line", ["12.5 has", "has\n", "x has\n", "\n"], ids=["cut-off", "no-clock", "not-a-number", "empty"]
)
def test_a_line_that_is_none_of_ours_is_left_out(line: str) -> None:
    """A banner, or a line that broke off with the power."""
    assert parse_line(line) is None


def test_a_line_is_clock_and_value() -> None:
    """What the program on the machine prints."""
    assert parse_line("12.500 has-not\n") == (12.5, "has-not")
