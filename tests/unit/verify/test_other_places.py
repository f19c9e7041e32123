"""Facts of the platform that a spec replaces: verify goes by those, and no check is lost."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generator.check import check_spec
from generator.errors import OutputRejected
from generator.layout import PLATFORM
from generator.platforms.profile import list_platforms, load_profile
from generator.verify.check import OwnCheck, ToolCheck
from generator.verify.context import Context
from generator.verify.output import load_output
from generator.verify.runner import PLANS
from generator.verify.secrets import collect_secrets
from tests.fakes.rendering import render_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile

CASE = Path(__file__).parents[2] / "cases" / "other-places.yaml"


def plan(output: Path) -> Iterator[OwnCheck | ToolCheck]:
    """Yield every check of an output."""
    loaded = load_output(output)
    context = Context(loaded, output, collect_secrets(loaded, None))
    for each in PLANS:
        yield from each(context)


def _other(name: str, value: Any) -> Any:
    """Return another place, unit or user than `value`, which the platform has."""
    if isinstance(value, list):
        return [_other(f"{name}{index}", each) for index, each in enumerate(value)]
    if value.startswith("/"):
        major = "-{major}" if "{major}" in value else ""
        return f"/srv/other/{name}{major}/{PurePosixPath(value).name}"
    return f"other_{name}{PurePosixPath(value).suffix}"


def _override_all(profile: PlatformProfile) -> dict[str, Any]:
    """Return overrides of every path, unit and user of a platform."""
    facts = profile.model_dump(mode="json")
    return {
        part: {name: _other(name, value) for name, value in facts[part].items() if value is not None}
        for part in ("paths", "units", "users")
    }


def _list_renamed(profile: PlatformProfile) -> dict[str, str]:
    """Return the platform's own name of each place, by the other one."""
    facts, other = profile.model_dump(mode="json"), _override_all(profile)
    return {
        str(other[part][name]): str(value)
        for part in ("paths", "units", "users")
        for name, value in facts[part].items()
        if isinstance(value, str)
    }


def _write_spec(platform: str, overrides: dict[str, Any], *, is_single: bool = False) -> bytes:
    data = yaml.safe_load(CASE.read_bytes()) | {"platform": platform, "platform_overrides": overrides}
    del data["repositories"]
    # Patroni comes in as the system's user, over the socket.
    data["postgresql"] = {"superuser": overrides["users"]["postgres"]} if overrides else {}
    if is_single:
        del data["groups"]["all"]["nodes"][1:]
        data |= {"durability": "asynchronous", "consul": {"allow_single_server": True}}
    return yaml.safe_dump(data).encode()


def _render_pair(platform: str, folder: Path, *, is_single: bool = False) -> list[Path]:
    """Render a cluster as its platform has it, and with every place another one."""
    pairs: tuple[tuple[str, dict[str, Any]], ...] = (
        ("usual", {}),
        ("other", _override_all(load_profile(platform))),
    )
    return [
        render_text(_write_spec(platform, overrides, is_single=is_single), folder / name)
        for name, overrides in pairs
    ]


def _use_usual_names(file: str, renamed: dict[str, str]) -> str:
    """Return a path with the platform's own names in it."""
    for other, name in renamed.items():
        file = re.sub(f"(?<=/){re.escape(other.lstrip('/'))}(?=/|$)", name.lstrip("/"), file)
    return file


def _name_checks(output: Path, renamed: dict[str, str]) -> Counter[tuple[str, str, str]]:
    """Count the checks by id, program and file; a place that was replaced has its usual name."""
    return Counter(
        (
            check.id,
            check.program.name if isinstance(check, ToolCheck) else "holster",
            _use_usual_names(check.file, renamed),
        )
        for check in plan(output)
    )


@pytest.mark.parametrize("platform", list_platforms())
def test_no_check_vanishes_where_everything_has_another_place(tmp_path: Path, platform: str) -> None:
    """Ten did, and verify said that every program had accepted."""
    usual, other = _render_pair(platform, tmp_path)
    before = _name_checks(usual, {})
    assert _name_checks(other, _list_renamed(load_profile(platform))) == before
    assert {"sudoers", "chrony", "consul", "patroni", "firewall"} <= {check for check, _, _ in before}


def _judge_damaged(path: Path, output: Path) -> set[str]:
    """Return the ids of our own checks that speak against an output while one file of it is damaged."""
    whole = path.read_bytes()
    path.write_bytes(b"\0{[<")
    checks = [check for check in plan(output) if isinstance(check, OwnCheck)]
    found = {check.id for check in checks if check.run(None, ()).verdict != "ok"}  # type: ignore[arg-type]
    path.write_bytes(whole)
    return found


def test_damage_is_found_wherever_the_file_lies(tmp_path: Path) -> None:
    """By the checks that find it at its usual place."""
    usual, other = _render_pair("el9", tmp_path, is_single=True)
    renamed = _list_renamed(load_profile("el9"))
    payload = Path("nodes/a--1/payload")
    files = [path.relative_to(other) for path in (other / payload).rglob("*") if path.is_file()]
    moved = {path: Path(_use_usual_names(str(path), renamed)) for path in files}
    moved = {path: place for path, place in moved.items() if path != place}
    names = {"consul.hcl", "patroni.yml", "agent.key", "10-holster.conf", "chrony.conf", ".pgpass_patroni"}
    assert names <= {place.name for place in moved.values()}
    for path, place in moved.items():
        found = _judge_damaged(other / path, other)
        assert found == _judge_damaged(usual / place, usual), path
        assert {"manifest", "delivery", "oemdrv-iso"} <= found
        if path.name == "consul.hcl":
            assert {"consul-rules", "tls", "hcl"} <= found


def test_own_checks_accept_it(tmp_path: Path) -> None:
    """Names with two hyphens, a path with signs that systemd and YAML know, a URL with a comma."""
    output = render_text(CASE.read_bytes(), tmp_path / "out")
    own = [check.run(None, ()) for check in plan(output) if isinstance(check, OwnCheck)]  # type: ignore[arg-type]
    assert {(result.check, result.detail) for result in own if result.verdict != "ok"} == set()


GONE = (
    *("*/sshd_config.d/10-holster.conf", "*/chrony.conf", "*/sudoers.d/10-holster", "*/consul.hcl"),
    *("*/cluster.yml", "nodes/a--1/ks.cfg", "nodes/a--1/oemdrv.iso", "nodes/a--1/user-data"),
    *("*/zones/holster.xml", "packer/variables.pkr.hcl", "packer"),
)


@pytest.mark.parametrize("file", GONE)
def test_a_file_that_is_gone_is_a_finding(tmp_path: Path, file: str) -> None:
    """Not a check less."""
    output = render_text(CASE.read_bytes(), tmp_path / "out")
    before = Counter((check.id, check.file) for check in plan(output) if check.id != "shell")
    found = next(path for path in sorted(output.rglob("*")) if path.relative_to(output).match(file))
    shutil.rmtree(found) if found.is_dir() else found.unlink()
    assert Counter((check.id, check.file) for check in plan(output) if check.id != "shell") == before
    own = [check.run(None, ()) for check in plan(output) if isinstance(check, OwnCheck)]  # type: ignore[arg-type]
    assert "manifest" in {result.check for result in own if result.verdict == "rejected"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "el9"}', "[" * 100000, "unknown"])
def test_damaged_facts_are_words(tmp_path: Path, text: str) -> None:
    """The file may have been edited, or come from another release."""
    output = render_text(CASE.read_bytes(), tmp_path / "out")
    facts = (output / PLATFORM).read_text("utf-8")
    (output / PLATFORM).write_text(facts.replace('"el9"', '"el77"') if text == "unknown" else text)
    with pytest.raises(OutputRejected, match=PLATFORM):
        load_output(output)
    (output / PLATFORM).unlink()
    with pytest.raises(OutputRejected, match=PLATFORM):
        load_output(output)


def test_the_facts_are_those_that_rendered(tmp_path: Path) -> None:
    """Overrides included; the release that verifies may know others."""
    text = CASE.read_bytes()
    assert load_output(render_text(text, tmp_path / "out")).platform == check_spec(text, "x").profile
