"""Two owners of an address must be found, and delays of the network must not look like them."""

from __future__ import annotations

import pytest

from tests.lab.sightings import (
    Sample,
    align,
    find_doubles,
    first_seen,
    kept_after_pause,
    last_of_boot,
    list_held,
    list_unreleased,
    longest_blind,
    longest_start,
    parse_line,
)


def watch(node: str, values: dict[float, str], *, offset: float = 0.0, delay: float = 0.0) -> list[Sample]:
    """Return samples at moments of our clock, taken by a guest whose clock is `offset` ahead."""
    return [
        Sample(node, "one", moment + offset, moment + (delay if number else 0.0), value)
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


def boot(  # noqa: PLR0913 -- who, which boot, when, what
    node: str, name: str, start: float, first: float, last: float, *, value: str = "has"
) -> list[Sample]:
    """Return the samples of one boot whose kernel started at `start`, four times a second, on our clock."""
    moments = span(first, last, value)
    return [Sample(node, name, moment - start, moment, value) for moment in moments]


def test_a_new_boot_is_a_new_clock() -> None:
    """After a reboot the guest's clock begins anew; its old samples stay where they were."""
    samples = boot("a", "one", -90.0, 10.0, 10.5) + boot("a", "two", 55.0, 60.0, 60.5)
    sightings = align(samples)
    assert [sighting.moment for sighting in sightings] == [10.0, 10.25, 10.5, 60.0, 60.25, 60.5]
    assert len(list_held(sightings, "has")) == 2


def test_silence_within_one_boot_is_a_blind_spot_whatever_the_connection_did() -> None:
    """The watcher hung up after a silence and came again: 30 s nobody looked (it was left out)."""
    samples = boot("a", "one", -90.0, 0.0, 10.0) + boot("a", "one", -90.0, 40.0, 50.0)
    assert longest_blind(align(samples)) == 30.0


def test_lines_that_came_late_over_another_connection_fill_the_gap() -> None:
    """What was sampled meanwhile is read afterwards, some of it twice: nobody was blind."""
    live = boot("a", "one", -90.0, 0.0, 10.0) + boot("a", "one", -90.0, 40.0, 50.0)
    late = [
        Sample("a", "one", sample.guest, 40.0, sample.value) for sample in boot("a", "one", -90.0, 5.0, 40.0)
    ]
    sightings = align(live + late)
    assert longest_blind(sightings) == 0.25
    assert len(sightings) == len({sighting.moment for sighting in sightings})
    assert [(held.start, held.end) for held in list_held(sightings, "has")] == [(0.0, 50.0)]


def test_a_machine_that_was_off_or_booting_was_rightly_not_seen() -> None:
    """How long its kernel ran before the first look is told; a boot of before the watch does not count."""
    sightings = align(boot("a", "one", -90.0, 0.0, 10.0) + boot("a", "two", 30.0, 75.0, 80.0))
    assert longest_blind(sightings) == 0.25
    assert longest_start(sightings, since=0.0) == 45.0
    assert longest_start(align(boot("a", "one", -90.0, 0.0, 10.0)), since=0.0) == 0.0
    assert longest_blind([]) == longest_start([], since=0.0) == 0.0


def test_address_that_nobody_saw_go_is_noticed() -> None:
    """A machine was last seen with it, and booted anew; at the end of the watch the owner has it rightly."""
    kept = boot("a", "one", -90.0, 0.0, 10.0) + boot("a", "two", 30.0, 75.0, 80.0, value="not")
    assert list_unreleased(align(kept), "has") == ["a"]
    gone = [*kept, *boot("a", "one", -90.0, 10.25, 12.0, value="not"), *boot("b", "one", -90.0, 11.0, 80.0)]
    assert list_unreleased(align(gone), "has") == []


def test_first_seen_looks_only_after_the_moment() -> None:
    """The first sighting of one of the named machines."""
    sightings = align(watch("a", span(0, 5, "has")) + watch("b", {**span(0, 2, "not"), **span(3, 5, "has")}))
    assert first_seen(sightings, "has", after=1.0, nodes=["b"]) == 3.0
    assert first_seen(sightings, "has", after=5.0, nodes=["a", "b"]) is None


BOOT = "2f6c1b7e-8a1d-4c55-9b0e-1f2e3d4c5b6a"


@pytest.mark.parametrize(
    "line",
    [
        f"{BOOT} 12.500 has",
        f"{BOOT} has\n",
        f"{BOOT} x has\n",
        f"{BOOT} 12.\n",
        f"{BOOT} 12.5{BOOT} 3.000 has\n",
        "\n",
    ],
    ids=["cut-off", "no-clock", "not-a-number", "no-value", "two-in-one", "empty"],
)
def test_a_line_that_is_none_of_ours_is_left_out(line: str) -> None:
    """A banner, or a line that broke off with the power."""
    assert parse_line(line) is None


def test_a_line_is_boot_clock_and_value() -> None:
    """What the program on the machine writes."""
    assert parse_line(f"{BOOT} 12.500 has-not\n") == (BOOT, 12.5, "has-not")


def test_the_end_of_a_boot_is_its_last_sighting() -> None:
    """A reset ends it without a word; the next boot of the same machine does not count."""
    samples = watch("a", span(0, 5, "has"), offset=500)
    samples += [Sample("a", "two", 12.0, 30.0, "not"), Sample("b", "one", 40.0, 40.0, "not")]
    sightings = align(samples)
    assert last_of_boot(sightings, "a", "one") == 5.0
    assert last_of_boot(sightings, "a", "three") is None


def test_after_a_pause_the_machines_own_clock_counts() -> None:
    """It had the address for two more seconds; the lines come a minute and five seconds late."""
    before = watch("a", span(0, 9.75, "has"), offset=500)
    after = [
        Sample("a", "one", sample.guest, sample.host + 65.0, sample.value)
        for sample in watch("a", {**span(9.9, 12, "has"), **span(12.25, 20, "not")}, offset=500)
    ]
    assert kept_after_pause([*before, *after], "has", 10.0) == pytest.approx(1.9, abs=0.2)
    let_go = [Sample("a", "one", sample.guest, sample.host, "not") for sample in after]
    assert kept_after_pause([*before, *let_go], "has", 10.0) == 0.0
