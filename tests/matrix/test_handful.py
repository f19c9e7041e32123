"""A fixed handful of faults on the example `trio`, with the real programs: what CI looks at."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.matrix.demands import list_broken
from tests.matrix.run import Scenario, run_scenario
from tests.matrix.scenarios import HANDFUL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.matrix.site import Site

pytestmark = [pytest.mark.external]


@pytest.mark.parametrize("scenario", HANDFUL, ids=lambda scenario: scenario.id)
def test_never_two_primaries(open_site: Callable[..., Site], scenario: Scenario) -> None:
    """Issue: the link of a leader that is a Consul server, too, was cut, and two members took writes."""
    site = open_site("trio")
    figures = run_scenario(site, scenario)
    sys.stdout.write(f"{scenario.id}: {figures.to_json()}\n")
    assert list_broken(figures, scenario, site.recipe.terms()) == [], figures
