"""The journal reaches the disk in the first boot, and a restart of it is spared where it does already."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import run

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine

SETTINGS = "/etc/systemd/journald.conf.d/10-holster.conf"
RESTART = ["systemctl", "restart", "systemd-journald.service"]
IDENTITY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def told(fake: FakeMachine) -> FakeMachine:
    """Return a machine whose payload has the journal's settings."""
    text = "[Journal]\nStorage=persistent\n"
    target = fake.at(SETTINGS)
    target.parent.mkdir(parents=True)
    target.write_text(text)
    document = make_document()
    digest = hashlib.sha256(text.encode()).hexdigest()
    entry = {"path": SETTINGS, "owner": "root", "group": "root", "mode": "0644", "sha256": digest}
    document["files"].append({**entry, "secret": False})
    write_document(fake, document)
    fake.at("/etc/machine-id").write_text(f"{IDENTITY}\n")
    return fake


def test_a_journal_in_memory_is_brought_to_the_disk(told: FakeMachine) -> None:
    """It reads its settings when it starts, and moves what it has when it is told."""
    assert run(told, "system").code == 0
    assert RESTART in told.calls
    assert told.calls.index(["journalctl", "--flush"]) > told.calls.index(RESTART)


def test_a_journal_on_the_disk_is_left_alone(told: FakeMachine) -> None:
    """The image has the settings: a restart would cost seconds."""
    file = told.at(f"/var/log/journal/{IDENTITY}/system.journal")
    file.parent.mkdir(parents=True)
    file.write_text("journal")
    assert run(told, "system").code == 0
    assert RESTART not in told.calls


def test_a_journal_that_cannot_be_restarted_stops_no_first_boot(told: FakeMachine) -> None:
    """The next boot has it."""
    told.script("journalctl", 1, errors="Failed to flush")
    result = run(told, "system")
    assert result.code == 0
    assert "stays in memory until the next boot" in result.log.getvalue()
