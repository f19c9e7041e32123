"""Facts of the platform that a spec replaces: verify goes by those, and no check is lost."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator.check import check_spec
from generator.errors import OutputRejected
from generator.layout import PLATFORM
from generator.verify.check import OwnCheck, ToolCheck
from generator.verify.context import Context
from generator.verify.output import load_output
from generator.verify.runner import PLANS
from generator.verify.secrets import collect_secrets
from tests.fakes.rendering import render_text

if TYPE_CHECKING:
    from collections.abc import Iterator

CASE = Path(__file__).parents[2] / "cases" / "other-places.yaml"


def plan(output: Path) -> Iterator[OwnCheck | ToolCheck]:
    """Yield every check of an output."""
    loaded = load_output(output)
    context = Context(loaded, output, collect_secrets(loaded, None))
    for each in PLANS:
        yield from each(context)


def test_no_check_vanishes_where_everything_has_another_place(tmp_path: Path) -> None:
    """Ten did, and verify said that every program had accepted."""
    text = CASE.read_bytes()
    usual = re.sub(rb"^platform_overrides:\n(  .*\n)*", b"", text, flags=re.MULTILINE)
    counts = []
    for name, spec in (("usual", usual), ("other", text)):
        output = render_text(spec, tmp_path / name)
        counts.append(Counter(check.id for check in plan(output)))
    # Two installers instead of six: the overrides say so.
    assert counts[1].pop("kickstart") * 3 == counts[0].pop("kickstart")
    assert counts[0] == counts[1]
    assert {"sshd", "chrony", "firewall", "consul", "patroni"} <= counts[1].keys()


def test_own_checks_accept_it(tmp_path: Path) -> None:
    """Names with two hyphens, a path with signs that systemd and YAML know, a URL with a comma."""
    output = render_text(CASE.read_bytes(), tmp_path / "out")
    own = [check.run(None, ()) for check in plan(output) if isinstance(check, OwnCheck)]  # type: ignore[arg-type]
    assert {(result.check, result.detail) for result in own if result.verdict != "ok"} == set()


@pytest.mark.parametrize("file", ["sshd_config.d/10-holster.conf", "chrony.conf", "sudoers.d/10-holster"])
def test_a_file_that_is_gone_is_a_finding(tmp_path: Path, file: str) -> None:
    """Not a check less."""
    output = render_text(CASE.read_bytes(), tmp_path / "out")
    before = Counter(check.id for check in plan(output))
    (found,) = (path for path in (output / "nodes/a--1/payload").rglob("*") if str(path).endswith(file))
    found.unlink()
    assert Counter(check.id for check in plan(output)) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "el9"}', "[" * 100000])
def test_damaged_facts_are_words(tmp_path: Path, text: str) -> None:
    """The file may have been edited, or come from another release."""
    output = render_text(CASE.read_bytes(), tmp_path / "out")
    (output / PLATFORM).write_text(text)
    with pytest.raises(OutputRejected, match=PLATFORM):
        load_output(output)
    (output / PLATFORM).unlink()
    with pytest.raises(OutputRejected, match=PLATFORM):
        load_output(output)


def test_the_facts_are_those_that_rendered(tmp_path: Path) -> None:
    """Overrides included; the release that verifies may know others."""
    text = CASE.read_bytes()
    assert load_output(render_text(text, tmp_path / "out")).platform == check_spec(text, "x").profile
