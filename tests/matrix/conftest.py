"""Clusters in namespaces that live for many faults.

HOLSTER_VIP_MANAGER names a vip-manager to use instead of the one among the outside tools; its version
and mode decide what is rendered.  The whole matrix runs only with `-m matrix`.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from generator.errors import ToolMissing
from generator.tools.programs import PROGRAMS
from generator.versions import VersionNumber, VipManagerDialect
from tests.external.machine_fixtures import absent, demand_privileges
from tests.external.test_firstboot_cluster import POSTGRESQL, VIP_MANAGER
from tests.fakes.network import sh
from tests.matrix.clusters import Recipe, Wanted
from tests.matrix.faults import SETTLED_S
from tests.matrix.site import NotWhole, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.tools.toolbox import ToolBox

CONSUL: Final = "1.13.9"


@pytest.fixture(scope="session")
def vip_manager(toolbox: ToolBox) -> tuple[Path, str]:
    """Return vip-manager and its version."""
    named = os.environ.get("HOLSTER_VIP_MANAGER")
    if named:
        told = sh(named, "--version")
        found = re.search(r"(\d+(?:\.\d+)+)", told)
        assert found is not None, told
        return Path(named), found[1]
    try:
        tool = toolbox.find(VIP_MANAGER, None, "")
    except ToolMissing as missing:
        absent(f"vip-manager ({missing.hint})")
    if tool.version is None:
        absent("vip-manager (it does not say its version)")
    return tool.path, tool.version.text


@pytest.fixture(scope="session")
def drops_vip(vip_manager: tuple[Path, str]) -> bool:
    """Say whether this vip-manager gives the address up when Patroni's REST API does not answer."""
    return VipManagerDialect(VersionNumber(vip_manager[1])).drops_vip_without_rest


@pytest.fixture(scope="session")
def open_site(
    toolbox: ToolBox, vip_manager: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Site]]:
    """Return a function that boots an example once, and gives it again whole."""
    sites: dict[str, Site] = {}

    def get(example: str) -> Site:
        if example in sites:
            return _make_whole(sites[example])
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
        recipe = Recipe(
            Wanted(example, CONSUL, max(majors), vip_manager[1], os.environ.get("HOLSTER_VIP_MODE"))
        )
        programs = {"/usr/bin/consul": consul, "/usr/bin/vip-manager": vip_manager[0]}
        site = sites[example] = Site(tmp_path_factory.mktemp(example), recipe, programs)
        site.boot()
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the whole matrix out unless it is asked for: it takes hours."""
    if _is_asked_for(config):
        return
    wanted = [item for item in items if item.get_closest_marker("matrix") is None]
    left = [item for item in items if item.get_closest_marker("matrix") is not None]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = wanted
