"""Clusters in namespaces that live for many faults.

HOLSTER_VIP_MANAGER names a vip-manager to use instead of the one among the outside tools,
HOLSTER_VIP_MODE its mode, HOLSTER_VIP_MANAGERS others to compare.  The whole matrix runs only with
`-m matrix`.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from generator.errors import ToolMissing
from generator.tools.programs import PROGRAMS
from tests.external.machine_fixtures import absent, demand_privileges
from tests.external.test_firstboot_cluster import POSTGRESQL, VIP_MANAGER
from tests.matrix.clusters import Recipe, Wanted
from tests.matrix.faults import SETTLED_S
from tests.matrix.programs import VipManager, ask
from tests.matrix.settings import PLAIN
from tests.matrix.site import NotWhole, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.tools.toolbox import ToolBox
    from tests.matrix.settings import Setting

CONSUL: Final = "1.13.9"


@pytest.fixture(scope="session")
def vip_manager(toolbox: ToolBox) -> VipManager:
    """Return the vip-manager of all settings that name none."""
    named = os.environ.get("HOLSTER_VIP_MANAGER")
    if named:
        return ask(Path(named))
    try:
        return ask(toolbox.find(VIP_MANAGER, None, "").path)
    except ToolMissing as missing:
        absent(f"vip-manager ({missing.hint})")


@pytest.fixture(scope="session")
def make_site(
    toolbox: ToolBox, vip_manager: VipManager, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Setting], Site]:
    """Return a function that makes the machines of an example in a setting."""

    def make(example: str, setting: Setting) -> Site:
        demand_privileges()
        majors = [int(path.parent.parent.name) for path in POSTGRESQL.glob("*/bin/initdb")]
        try:
            consul = toolbox.find(PROGRAMS["consul"], lambda version: version.text == CONSUL, CONSUL).path
        except ToolMissing as missing:
            absent(f"consul {CONSUL} ({missing.hint})")
        if not majors:
            absent("PostgreSQL server (package postgresql)")
        if subprocess.run(["nft", "--version"], check=False, capture_output=True).returncode != 0:
            absent("nft (package nftables)")
        program = setting.vip_manager or vip_manager
        mode = setting.vip_mode or os.environ.get("HOLSTER_VIP_MODE")
        if mode is not None and mode not in program.modes:
            absent(f"vip-manager {program.version} with mode {mode} (HOLSTER_VIP_MANAGER names another)")
        recipe = Recipe(Wanted(example, CONSUL, max(majors), program.version, mode, setting.spec))
        programs = {"/usr/bin/consul": consul, "/usr/bin/vip-manager": program.path}
        return Site(tmp_path_factory.mktemp(setting.place(example)), recipe, programs)

    return make


@pytest.fixture(scope="session")
def open_site(
    make_site: Callable[[str, Setting], Site],
) -> Iterator[Callable[..., Site]]:
    """Return a function that boots an example in a setting once, and gives it again whole.

    One cluster at a time: the one before it is removed. One that did not boot is not tried again.
    """
    sites: dict[str, Site] = {}
    failed: dict[str, str] = {}

    def get(example: str, setting: Setting = PLAIN) -> Site:
        place = setting.place(example)
        if place in failed:
            pytest.fail(f"{place} did not boot: {failed[place]}", pytrace=False)
        if place in sites:
            return _make_whole(sites[place])
        while sites:
            sites.popitem()[1].remove()
        site = sites[place] = make_site(example, setting)
        try:
            site.boot()
        except BaseException as error:
            failed[place] = type(error).__name__
            sites.pop(place).remove()
            raise
        return site

    yield get
    for site in sites.values():
        site.remove()


def _make_whole(site: Site) -> Site:
    """Wait until the site is whole; what an earlier fault left must not fail the next one."""
    try:
        site.wait_until_whole(SETTLED_S * 2)
    except NotWhole:
        site.restart_all()
        site.wait_until_whole()
    return site


def _is_asked_for(config: pytest.Config) -> bool:
    return "matrix" in str(config.getoption("markexpr") or "")


def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed of the walks where it is printed; the workers are given it."""
    if _is_asked_for(config) and config.option.matrix_seed is None:
        config.option.matrix_seed = random.SystemRandom().randrange(1, 10**6)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Print the seed."""
    return f"matrix-seed: {config.option.matrix_seed}" if _is_asked_for(config) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give all tests of a cluster to one worker, so that it is booted once."""
    if not _is_asked_for(config):
        return None
    # `--dist loadgroup` writes its groups into names that pytest 9.2 no longer reads.
    from tests.matrix.scheduling import ByPlace  # noqa: PLC0415 - xdist may be absent

    return ByPlace(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the whole matrix out unless it is asked for: it takes hours."""
    if _is_asked_for(config):
        return
    wanted = [item for item in items if item.get_closest_marker("matrix") is None]
    left = [item for item in items if item.get_closest_marker("matrix") is not None]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = wanted
