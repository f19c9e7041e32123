"""The whole matrix on both examples, and a random walk over it: `make matrix` (docs/lab.md)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.matrix.demands import list_broken
from tests.matrix.record import record
from tests.matrix.run import Scenario, run_scenario
from tests.matrix.scenarios import list_matrix, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.matrix.site import Site

pytestmark = [pytest.mark.external, pytest.mark.matrix]

EXAMPLES = ("trio", "sirius")
STEPS = 20
CASES = [
    pytest.param(example, scenario, id=f"{example}-{scenario.id}", marks=pytest.mark.xdist_group(example))
    for example in EXAMPLES
    for scenario in list_matrix(example)
]


@pytest.mark.parametrize(("example", "scenario"), CASES)
def test_a_fault_breaks_no_promise(
    open_site: Callable[[str], Site], example: str, scenario: Scenario, *, drops_vip: bool
) -> None:
    """The figures are written down whatever they are."""
    figures = run_scenario(open_site(example), scenario)
    record(example, scenario, figures)
    assert list_broken(figures, scenario, drops_vip=drops_vip) == [], figures


@pytest.mark.parametrize(
    "example", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in EXAMPLES]
)
def test_a_random_walk_breaks_no_promise(
    open_site: Callable[[str], Site], example: str, request: pytest.FixtureRequest, *, drops_vip: bool
) -> None:
    """Faults in any order; `--matrix-seed` repeats a walk, 0 leaves it out."""
    seed = request.config.getoption("--matrix-seed")
    if seed == 0:
        pytest.skip("no walk was asked for")
    broken = []
    for number, scenario in enumerate(walk(example, seed, STEPS), 1):
        figures = run_scenario(open_site(example), scenario)
        found = list_broken(figures, scenario, drops_vip=drops_vip)
        sys.stdout.write(f"{number} {scenario.id}: {found or 'fine'}\n")
        broken += [f"step {number}, {scenario.id}: {words}" for words in found]
    assert broken == [], f"seed {seed}"
