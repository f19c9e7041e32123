"""The examples on every platform, read back by every program that consumes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from generator.credentials.store import load_bundle
from generator.progress import SilentReporter
from generator.tools.programs import PROGRAMS
from generator.verify import Verdict, verify_output
from tests.fakes.rendering import render_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.credentials.bundle import CredentialBundle
    from generator.tools.toolbox import ToolBox

pytestmark = pytest.mark.external

CASES: Final = tuple(
    Path(__file__).parents[1] / "cases" / f"{name}.yaml" for name in ("other-places", "every-member-key")
)
NEEDED = (
    ("chronyd", None),
    ("cloud-init", "22.4"),
    ("cloud-init", "25.1"),
    ("consul", "1.13"),
    ("firewall-offline-cmd", None),
    ("ksvalidator", None),
    ("nft", None),
    ("packer", "1.6"),
    ("packer", "1.11"),
    ("patroni", None),
    ("shellcheck", None),
    ("sshd", None),
    ("systemd-analyze", None),
    ("visudo", None),
)


@pytest.mark.parametrize(
    ("example", "platform"),
    [
        ("sirius", "redos8"),
        ("sirius", "redos7"),
        ("sirius", "el9"),
        ("sirius", "debian13"),
        ("trio", None),
        ("single", None),
    ],
)
def test_example_is_accepted(
    rendered_example: Callable[..., Path],
    tool: Callable[..., Path],
    toolbox: ToolBox,
    example: str,
    platform: str | None,
) -> None:
    """`holster verify --require-tools` is clean."""
    demand_tools(tool)
    output = rendered_example(example, platform)
    bundle = load_bundle(output.with_name(f"{output.name}.secrets.yaml"))
    assert_accepted(output, toolbox, bundle)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case_is_accepted(tool: Callable[..., Path], toolbox: ToolBox, tmp_path: Path, case: Path) -> None:
    """Specs whose output some program refused once."""
    demand_tools(tool)
    output = render_text(case.read_bytes(), tmp_path / "out")
    assert_accepted(output, toolbox, load_bundle(tmp_path / "out.secrets.yaml"))


def demand_tools(tool: Callable[..., Path]) -> None:
    """Skip the test, or fail it, where a tool is absent."""
    assert all(name in PROGRAMS for name, _ in NEEDED)
    for name, version in NEEDED:
        tool(name, version)


def assert_accepted(output: Path, toolbox: ToolBox, bundle: CredentialBundle) -> None:
    """Every check of an output runs, and none has a complaint."""
    report = verify_output(
        output,
        tools=toolbox,
        require_tools=True,
        reporter=SilentReporter(),
        bundle=bundle,
        jobs=os.cpu_count() or 2,
    )
    assert [result for result in report.results if result.verdict is not Verdict.OK] == []
    assert report.find_error() is None
