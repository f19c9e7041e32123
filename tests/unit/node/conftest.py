"""A fake machine that is ready for its first boot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.fakes.fake_machine import FakeMachine
from tests.fakes.node_documents import prepare

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fake(tmp_path: Path) -> FakeMachine:
    """Return a machine with its payload and two blank disks."""
    machine = FakeMachine(tmp_path)
    prepare(machine)
    return machine


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip what only a power cut of the test's own machine would show; test_rootfs.py checks the order."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    monkeypatch.setattr(os, "sync", lambda: None)
