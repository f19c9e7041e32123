"""The whole matrix: both examples, other settings, and a random walk: `make matrix` (docs/lab.md)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.matrix.demands import list_broken
from tests.matrix.programs import list_compared
from tests.matrix.record import logs_folder, record
from tests.matrix.run import Figures, Scenario, run_scenario
from tests.matrix.scenarios import list_matrix, walk
from tests.matrix.settings import PLAIN, SETTINGS, Setting, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.matrix.site import Site

pytestmark = [pytest.mark.external, pytest.mark.matrix]

EXAMPLES = ("trio", "sirius")
STEPS = 20


def list_cases() -> Iterator[tuple[str, Setting, Scenario]]:
    """Yield everything that is tried, one cluster after the other."""
    for example in EXAMPLES:
        yield from ((example, PLAIN, scenario) for scenario in list_matrix(example))
    for setting in (*SETTINGS, *compare(list_compared())):
        for example, scenarios in setting.faults.items():
            yield from ((example, setting, scenario) for scenario in scenarios)


CASES = [
    pytest.param(example, setting, scenario, id=f"{setting.place(example)}:{scenario.id}")
    for example, setting, scenario in list_cases()
]


def attempt(site: Site, name: str, scenario: Scenario) -> tuple[Figures, list[str]]:
    """Run a scenario and say what it broke; the logs are kept then, and when it did not get that far."""
    logs = logs_folder(name, scenario)
    try:
        figures = run_scenario(site, scenario)
    except Exception:
        site.save_logs(logs)
        raise
    broken = list_broken(figures, scenario, site.recipe.terms())
    if broken:
        site.save_logs(logs)
    return figures, broken


@pytest.mark.parametrize(("example", "setting", "scenario"), CASES)
def test_a_fault_breaks_no_promise(
    open_site: Callable[..., Site], example: str, setting: Setting, scenario: Scenario
) -> None:
    """The figures are written down whatever they are."""
    site = open_site(example, setting)
    figures, broken = attempt(site, setting.place(example), scenario)
    record(example, setting, scenario, figures, site.recipe.terms())
    assert broken == [], figures


@pytest.mark.parametrize("example", [pytest.param(name, id=f"{name}:walk") for name in EXAMPLES])
def test_a_random_walk_breaks_no_promise(
    open_site: Callable[..., Site], example: str, request: pytest.FixtureRequest
) -> None:
    """Faults in any order; `--matrix-seed` repeats a walk, 0 leaves it out."""
    seed = request.config.getoption("--matrix-seed")
    if seed == 0:
        pytest.skip("no walk was asked for")
    broken = []
    for number, scenario in enumerate(walk(example, seed, STEPS), 1):
        _, found = attempt(open_site(example), f"{example}-walk-{seed}-{number}", scenario)
        sys.stdout.write(f"{number} {scenario.id}: {found or 'fine'}\n")
        broken += [f"step {number}, {scenario.id}: {words}" for words in found]
    assert broken == [], f"seed {seed}"
