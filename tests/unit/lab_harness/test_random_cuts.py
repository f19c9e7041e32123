"""The stages and moments of power cuts come from the seed alone."""

from __future__ import annotations

from generator.lab.console import ConsoleLog
from tests.lab.random_cuts import (
    DEMANDED,
    EARLY,
    EARLY_S,
    LONGEST_OFFSET_S,
    OFF_S,
    Cut,
    describe_moment,
    draw_cuts,
    list_missed,
)

NAMES = ("trio1", "trio2", "trio3")
ORDER = ("trio2", "trio1", "trio3")


def read(text: str) -> ConsoleLog:
    """Return what a console told since the power-on."""
    log = ConsoleLog()
    log.feed(text, 1.0)
    return log


IN_STORAGE = read("holster: [agent] done in 1.0 s\nholster: [storage] begins\n")
BOOTING = read("Linux version 6.12\n")
SEALED = read("holster: [seal] begins\nholster: [seal] done in 1.0 s\nholster: ready\n")


def test_same_seed_same_cuts() -> None:
    """A run can be repeated by its seed; another seed gives other moments."""
    assert draw_cuts(7, NAMES) == draw_cuts(7, NAMES)
    assert draw_cuts(7, NAMES) != draw_cuts(8, NAMES)


def test_every_draw_goes_forward_and_is_for_what_is_demanded() -> None:
    """Five cuts at least, an early one, one of all machines, and one in each demanded stage."""
    forward = [EARLY, "storage", "consul", "acl", "patroni", "verify", "seal"]
    for seed in range(100):
        cuts = draw_cuts(seed, NAMES)
        stages = [cut.stage for cut in cuts]
        assert len(cuts) >= 5
        assert stages == sorted(set(stages), key=forward.index)
        assert stages[0] == EARLY
        assert list_missed(stages) == []
        assert [cut.stage in {"consul", "acl"} for cut in cuts] == [cut.is_for_all for cut in cuts]
        assert sum(cut.is_for_all for cut in cuts) == 1
        for cut in cuts:
            earliest, latest = EARLY_S if cut.stage == EARLY else (0.0, LONGEST_OFFSET_S[cut.stage])
            assert earliest <= cut.offset_s <= latest
            assert 0.0 <= cut.off_s <= OFF_S
    drawn = [cut for seed in range(100) for cut in draw_cuts(seed, NAMES)]
    assert {cut.order[0] for cut in drawn} == set(NAMES)
    assert {"consul", "acl"} <= {cut.stage for cut in drawn}


def test_victim_is_the_preferred_machine_in_the_stage() -> None:
    """One that is past it, or not yet there, is left alone; nobody is there yet, nobody is cut."""
    cut = Cut("storage", 3.0, ORDER, is_for_all=False, off_s=1.0)
    assert cut.find_victim({"trio1": IN_STORAGE, "trio2": BOOTING, "trio3": IN_STORAGE}) == "trio1"
    assert cut.find_victim({"trio1": SEALED, "trio2": BOOTING, "trio3": BOOTING}) is None
    assert cut.choose("trio1", {"trio1": IN_STORAGE, "trio2": BOOTING, "trio3": SEALED}) == ["trio1"]


def test_all_machines_are_those_whose_first_boot_is_not_over() -> None:
    """And the victim in any case."""
    logs = {"trio1": IN_STORAGE, "trio2": BOOTING, "trio3": SEALED}
    cut = Cut("storage", 3.0, ORDER, is_for_all=True, off_s=1.0)
    assert cut.choose("trio1", logs) == ["trio2", "trio1"]
    assert cut.choose("trio3", logs) == ["trio2", "trio1", "trio3"]


def test_what_must_be_seen_is_tried_again_and_earlier() -> None:
    """A stage may be over before the cut; the last try is at its very beginning."""
    for stage in ("storage", "patroni", "verify"):
        assert Cut(stage, 8.0, ORDER, is_for_all=False, off_s=1.0).offsets == (8.0, 2.0, 0.0)
    # A machine is sealed once only.
    assert Cut("seal", 0.8, ORDER, is_for_all=False, off_s=1.0).offsets == (0.8,)


def test_moment_is_what_the_console_told_since_the_power_on() -> None:
    """Also between two stages: a cut there was in neither."""
    assert describe_moment(BOOTING) == EARLY
    assert describe_moment(IN_STORAGE) == "storage"
    assert describe_moment(read("holster: [storage] begins\nholster: [storage] done in 3.1 s\n")) == (
        "after storage"
    )
    assert describe_moment(read("holster: [acl] begins\nholster: [acl] failed: acl-token: no\n")) == "failed"
    assert describe_moment(SEALED) == "sealed"


def test_a_run_without_a_cut_where_it_matters_is_noticed() -> None:
    """As recorded on 2026-11-23: seven cuts, none of them after the stage `system`."""
    assert list_missed([EARLY, "agent", "system", EARLY]) == ["storage", "patroni", "verify or seal"]
    assert list_missed(["storage", "patroni", "sealed"]) == ["verify or seal"]
    assert list_missed([stages[-1] for stages in DEMANDED]) == []
