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

pytestmark = [pytest.mark.external, pytest.mark.xdist_group("matrix-handful")]


@pytest.mark.parametrize("scenario", HANDFUL, ids=lambda scenario: scenario.id)
def test_never_two_primaries(
    open_site: Callable[[str], Site], scenario: Scenario, *, drops_vip: bool
) -> None:
    """Issue: the link of a leader that is a Consul server, too, was cut, and two members took writes."""
    figures = run_scenario(open_site("trio"), scenario)
    sys.stdout.write(f"{scenario.id}: {figures.to_json()}\n")
    assert list_broken(figures, scenario, drops_vip=drops_vip) == [], figures
