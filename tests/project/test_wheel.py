"""The wheel works outside the checkout: it carries templates, fragments and platforms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_python(*arguments: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run this Python without the checkout on its path."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONSAFEPATH": "1"}
    if path:
        environment["PYTHONPATH"] = str(path)
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.starts_python
def test_wheel_renders_outside_the_checkout(tmp_path: Path) -> None:
    """Build the wheel, unpack it elsewhere, render an example from its own resources."""
    options = ("--quiet", "--no-deps", "--no-build-isolation")
    built = run_python("-m", "pip", "wheel", *options, "--wheel-dir", str(tmp_path), str(ROOT), cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    unpacked = run_python("-m", "zipfile", "-e", str(wheel), str(site), cwd=tmp_path)
    assert unpacked.returncode == 0, unpacked.stderr
    spec = site / "generator" / "_resources" / "examples" / "single.yaml"
    rendered = run_python("-m", "generator", "render", str(spec), cwd=tmp_path, path=site)
    assert rendered.returncode == 0, rendered.stderr
    assert (tmp_path / "output" / "single" / "manifest.json").is_file()
    origin = run_python("-c", "import generator; print(generator.__file__)", cwd=tmp_path, path=site)
    # The editable install of the checkout must not answer in the wheel's place.
    assert Path(origin.stdout.strip()).is_relative_to(site)
