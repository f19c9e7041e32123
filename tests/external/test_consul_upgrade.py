"""The documented order of a Consul upgrade: the program before the files."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.unit.render.conftest import Rendered, make_cluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.external

OLD, NEW = "1.8.7", "1.13.9"


@pytest.mark.parametrize(
    ("program", "files", "accepted"), [(NEW, OLD, True), (NEW, NEW, True), (OLD, NEW, False)]
)
def test_a_newer_consul_reads_older_files_and_not_the_reverse(
    tool: Callable[..., Path], tmp_path: Path, program: str, files: str, *, accepted: bool
) -> None:
    """Files first would leave every restarted agent down."""
    rendered = Rendered(make_cluster("trio", {"components": {"consul": {"version": files}}}))
    (tmp_path / "consul.hcl").write_text(rendered.payload("trio1", "/etc/consul.d/consul.hcl"))
    answer = subprocess.run(
        [tool("consul", program), "validate", tmp_path],
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )
    assert (answer.returncode == 0) is accepted, answer.stdout + answer.stderr
    assert ("invalid config key" in answer.stderr + answer.stdout) is not accepted
