"""The packet filter of a first boot: firewalld's zone, a table of our own, or none."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import run

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine

UNIT = "holster-firewall.service"
PATH = f"/etc/systemd/system/{UNIT}"


def deliver_table(fake: FakeMachine) -> None:
    """Deliver the unit of our own table in place of firewalld's zone."""
    text = "[Service]\nExecStart=/usr/sbin/nft -f /etc/holster/firewall.nft\n"
    target = fake.at(PATH)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    document = make_document()
    document["system"]["firewall_zone"] = None
    document["files"].append(
        {
            "path": PATH,
            "owner": "root",
            "group": "root",
            "mode": "0644",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "secret": False,
        }
    )
    write_document(fake, document)


def list_calls(fake: FakeMachine) -> list[list[str]]:
    """Return what concerns a filter."""
    return [call for call in fake.calls if "firewall" in " ".join(call) and call[1] != "show"]


def test_our_table_is_loaded_now_and_at_every_boot(fake: FakeMachine) -> None:
    """A reload where it is loaded: a restart would be open for a moment."""
    deliver_table(fake)
    assert run(fake, "system").code == 0
    assert list_calls(fake) == [
        ["systemctl", "enable", "--no-reload", UNIT],
        ["systemctl", "reload-or-restart", UNIT],
    ]
    state = fake.state["units"][UNIT]
    assert state["enabled"]
    assert state["active"]


def test_without_nft_nothing_begins(fake: FakeMachine) -> None:
    """A machine that cannot filter says so before it changes anything."""
    deliver_table(fake)
    fake.state["missing"] = ["nft"]
    fake.save()
    result = run(fake)
    assert (result.code, result.failure["cause"]) == (1, "machine-unfit")
    assert "the program nft is missing" in result.failure["reason"]


def test_no_filter_is_touched_where_none_was_asked_for(fake: FakeMachine) -> None:
    """`firewall: none` in the spec."""
    document = make_document()
    document["system"]["firewall_zone"] = None
    write_document(fake, document)
    assert run(fake, "system").code == 0
    assert list_calls(fake) == []
