"""Clusters for the scenarios.

Needs HOLSTER_IMAGE, the folder of the golden image of examples/trio.yaml; without it the
scenarios are skipped, or fail where tools are demanded.  They run only with `-m lab`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from generator.lab.cluster import open_lab
from generator.lab.proof import measure_bare_boot
from tests.lab import specs
from tests.lab.keeper import Keeper
from tests.lab.odd_boot import boot_odd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.lab.cluster import Lab
    from generator.tools.toolbox import ToolBox
    from tests.lab.odd_boot import OddBoot

SPECS: Final = {"trio": specs.trio, "sirius": specs.sirius, "odd": specs.odd}
CLUSTERS: Final = ("measured", "trio", "odd", "sirius", "fresh")
"""The fixtures by which the scenarios are sorted; `measured` boots the trio, beside a bare boot."""
BOOT_S: Final = 1500.0
"""Under emulation three machines at once take four to five minutes, five machines longer."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the scenarios out unless they are asked for; sort them by cluster, so that each boots once."""
    scenarios = [item for item in items if item.get_closest_marker("lab")]
    others = [item for item in items if item not in scenarios]
    if "lab" not in str(config.getoption("-m")):
        config.hook.pytest_deselected(items=scenarios)
        items[:] = others
        return
    items[:] = [*others, *sorted(scenarios, key=_turn)]


def _turn(item: pytest.Item) -> int:
    names = getattr(item, "fixturenames", ())
    return next((number for number, name in enumerate(CLUSTERS) if name in names), len(CLUSTERS))


@pytest.fixture(scope="session")
def image() -> Path:
    """Return the folder of the golden image."""
    named = os.environ.get("HOLSTER_IMAGE")
    if named:
        return Path(named)
    reason = "outside tool absent: the golden image (HOLSTER_IMAGE names its folder, docs/lab.md)"
    if os.environ.get("HOLSTER_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def keeper(image: Path, toolbox: ToolBox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """Return what keeps the cluster that is up."""

    def open_one(name: str) -> Lab:
        return open_lab(SPECS[name](), image, tmp_path_factory.mktemp(name), toolbox)

    made = Keeper(open_one)
    yield made
    made.close()


def boot(lab: Lab) -> None:
    """Switch all machines on and wait until the first boot of each is sealed."""
    lab.start()
    lab.wait_sealed(timeout_s=BOOT_S)


@pytest.fixture
def trio(keeper: Keeper) -> Lab:
    """Return the three machines of the example, sealed at the latest by the first scenario."""
    return keeper.get("trio", boot)


@pytest.fixture
def measured(keeper: Keeper) -> tuple[Lab, dict[str, float]]:
    """Return the trio, and the seconds that a bare boot of the same machines took right before its own.

    Right before, because the speed of this machine changes within the hour.
    """
    bare: dict[str, float] = {}

    def boot_bare_and_whole(lab: Lab) -> None:
        bare.update(measure_bare_boot(lab, BOOT_S))
        lab.make_disks()
        boot(lab)

    return keeper.get("trio", boot_bare_and_whole), bare


@pytest.fixture
def sirius(keeper: Keeper) -> Lab:
    """Return the seed's five machines, sealed at the latest by the first scenario."""
    return keeper.get("sirius", boot)


@pytest.fixture
def fresh(keeper: Keeper) -> Callable[[str], Lab]:
    """Return a function that gives a cluster on which nothing was ever started."""
    return keeper.open_fresh


@pytest.fixture
def odd(keeper: Keeper, odd_boots: dict[int, OddBoot]) -> OddBoot:
    """Return the one boot of the scenarios 7, 8 and 11."""

    def boot_with_peculiarities(lab: Lab) -> None:
        odd_boots[id(lab)] = boot_odd(lab)

    lab = keeper.get("odd", boot_with_peculiarities)
    return odd_boots[id(lab)]


@pytest.fixture(scope="session")
def odd_boots() -> dict[int, OddBoot]:
    """Return what was seen, by lab."""
    return {}
