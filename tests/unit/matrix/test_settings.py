"""Each setting is a cluster that can be made, and one test's id says which."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.matrix.clusters import Recipe, Wanted
from tests.matrix.faults import FAULTS
from tests.matrix.programs import VipManager
from tests.matrix.record import compare_vip_managers, logs_folder, make_table
from tests.matrix.run import Figures, Scenario
from tests.matrix.scheduling import find_place
from tests.matrix.settings import SETTINGS, Setting, compare
from tests.matrix.site import Site


@pytest.mark.parametrize(
    ("setting", "example"),
    [(setting, example) for setting in SETTINGS for example in setting.faults],
    ids=lambda value: value.name if isinstance(value, Setting) else value,
)
def test_a_setting_is_what_its_name_says(setting: Setting, example: str) -> None:
    """And keeps the rest: no watchdog of this machine is opened."""
    recipe = Recipe(Wanted(example, "1.13.9", 15, "5.0.0", setting.vip_mode, setting.spec))
    terms = recipe.terms()
    assert terms.has_failsafe is not ("failsafe-off" in setting.name)
    assert terms.is_synchronous is (setting.name != "asynchronous")
    assert terms.vip_mode == ("consul" if "consul" in setting.name else "patroni")
    assert recipe.spec.patroni.watchdog == "off"
    path = f"nodes/{recipe.nodes()[-1][0].name}/payload/etc/patroni/config.yml"
    text = next(file.content for file in recipe.render().files if str(file.path) == path).decode()
    assert ("failsafe_mode: true" in text) is terms.has_failsafe
    assert all(scenario.fault in FAULTS for scenario in setting.faults[example])


def test_an_id_names_its_cluster() -> None:
    """By which the workers share the tests."""
    setting = next(setting for setting in SETTINGS if setting.name == "failsafe-off")
    name = setting.place("trio")
    assert find_place(f"tests/matrix/test_matrix.py::test[{name}:link-both-40]") == "trio-failsafe-off"


def test_vip_managers_stand_side_by_side() -> None:
    """Those of clusters that are alike in all else, for the faults that both saw."""
    settings = list(compare([VipManager(Path("/x"), "4.0.0", ("patroni", "consul"))]))
    assert [setting.name for setting in settings] == ["vip-4.0.0-patroni", "vip-4.0.0-consul"]
    common = {"site": "trio", "is_synchronous": True, "has_failsafe": True, "target": "raft", "seconds": 5}
    items = [
        {**common, "vip_manager": name, "fault": fault, **Figures(no_address_s=away).to_json()}
        for name, fault, away in (
            ("5.0.0 patroni", "restart", 0.0),
            ("4.0.0 consul", "restart", 4.2),
            ("4.0.0 consul", "power", 2.0),
        )
    ]
    items.append({**items[0], "vip_manager": "odd", "has_failsafe": False})
    assert compare_vip_managers(items).splitlines() == [
        "| without an address / two owners | 4.0.0 consul | 5.0.0 patroni |",
        "| --- | --- | --- |",
        "| Consul agent stopped and started again, raft leader, 5 s | 4.2 s / 0.0 s | 0.0 s / 0.0 s |",
    ]
    lost = {**items[0], "lost": 3, "rows": 9, "lost_from_s": -0.1, "lost_until_s": 18.0}
    assert "3 of 9 (-0.1 to 18.0 s after the fault)" in make_table([lost])


def test_logs_outlive_their_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them nobody can say afterwards whose fault a broken promise was."""
    monkeypatch.setenv("HOLSTER_MATRIX_FIGURES", str(tmp_path / "figures.json"))
    units = tmp_path / "m" / "upper/var/log/units"
    units.mkdir(parents=True)
    (units / "consul.service.log").write_text("election won\n")
    site = Site.__new__(Site)
    machine: Any = SimpleNamespace(folder=tmp_path / "m", upper=tmp_path / "m" / "upper")
    site.machines = {"trio1": machine}
    folder = logs_folder("trio", Scenario("link", "both", 22))
    site.save_logs(folder)
    site.save_logs(folder)
    assert folder == tmp_path / "matrix-logs" / "trio-link-both-22"
    assert (folder / "trio1-consul.service.log").read_text() == "election won\n"
