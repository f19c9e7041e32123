"""What a cluster promises follows from what it is made of; each promise can be broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.matrix.demands import Terms, list_broken
from tests.matrix.run import Figures, Scenario

SAFE = Terms(is_synchronous=True, has_failsafe=True, vip_mode="patroni", vip_version="5.0.0", gives_up_s=19)
WORST = Figures(primaries_s=9, rival_rows=1, owners_s=9, lost=1, lost_from_s=-5, old_s=30, primary=["a", "b"])


def kinds(figures: Figures, fault: str, terms: Terms) -> set[str]:
    """Return what was broken, by a word that only its message has."""
    words = ("second primary", "the old primary", "are lost", "virtual address", "writable", "not whole")
    broken = list_broken(figures, Scenario(fault, "primary", 40), terms)
    found = {word for word in words for message in broken if word in message}
    assert len(found) == len(broken), broken
    return found


def test_every_promise_can_be_broken() -> None:
    """A second primary of a stopped Patroni is a watchdog's to end; its rows are not forgiven."""
    assert len(kinds(WORST, "link", SAFE)) == 6
    assert kinds(WORST, "patroni", SAFE) == {"second primary", "are lost", "virtual address", "not whole"}
    assert kinds(Figures(whole_s=3, primary=["a", "a"], old_s=40), "servers", SAFE) == set()


def test_asynchronous_loses_what_was_not_sent_yet() -> None:
    """Rows of before the fault had arrived; later ones belong to a primary that still has the lock."""
    terms = replace(SAFE, is_synchronous=False)
    fine = Figures(lost=60, lost_from_s=-0.2, old_s=18, primary=["a", "b"], whole_s=1)
    assert kinds(fine, "link", terms) == set()
    assert kinds(fine, "link", SAFE) == {"are lost"}
    assert kinds(replace(fine, lost_from_s=-3.0), "power", terms) == {"are lost"}
    assert kinds(replace(fine, old_s=30), "link", terms) == {"the old primary"}
    assert kinds(replace(fine, rival_rows=5), "link", terms) == {"second primary"}
    assert kinds(replace(fine, rival_rows=5, old_s=40), "patroni", terms) == set()


@pytest.mark.parametrize(
    ("terms", "faults"),
    [
        (SAFE, {"vip"}),
        (replace(SAFE, vip_version="4.0.0"), {"vip", "patroni"}),
        (replace(SAFE, vip_mode="consul"), {"vip"}),
        (replace(SAFE, vip_mode="consul", has_failsafe=False), {"vip", "agent"}),
    ],
)
def test_only_documented_holes_keep_the_address(terms: Terms, faults: set[str]) -> None:
    """Those of which `holster check` warns, and a vip-manager that hangs itself."""
    assert {
        fault for fault in ("vip", "patroni", "agent", "link", "servers") if terms.keeps_vip(fault)
    } == faults
