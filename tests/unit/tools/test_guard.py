"""The guard of tests/conftest.py: a test that says nothing may start nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def test_unmarked_test_starts_no_program() -> None:
    """Whichever way it is tried, and before the program runs."""
    with pytest.raises(pytest.fail.Exception, match="mark it `external`"):
        subprocess.run(["true"], check=True)
    with pytest.raises(pytest.fail.Exception, match="mark it `external`"):
        os.system("true")  # noqa: S605 - the guard must stop it
    with pytest.raises(pytest.fail.Exception, match="mark it `external`"):
        subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.mark.starts_python
def test_python_only_starts_python() -> None:
    """The marker allows sys.executable and nothing beside it."""
    subprocess.run([sys.executable, "-c", ""], check=True)
    with pytest.raises(pytest.fail.Exception, match="mark it `external`"):
        subprocess.run(["true"], check=True)


@pytest.mark.external
def test_external_starts_anything() -> None:
    """Tests of outside tools say so."""
    assert subprocess.run(["true"], check=True).returncode == 0
