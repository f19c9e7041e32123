"""Preflight: the complete list of what is missing, and nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.firstboot_runs import run
from tests.fakes.node_documents import make_document, write_document

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


def test_everything_missing_is_named_at_once(fake: FakeMachine) -> None:
    """Nobody wants to boot five times to learn of five missing things."""
    fake.state["missing"] = ["pvcreate", "firewall-offline-cmd", "runuser"]
    fake.save()
    fake.at("/usr/bin/consul").unlink()
    fake.at("/etc/os-release").write_text('ID="redos"\nVERSION_ID="8.0.2"\n')
    fake.at("/usr/share/zoneinfo/Europe/Moscow").unlink()
    document = make_document()
    document["roles"].append("proxy")
    document["programs"]["postgres"]["sha256"] = "0" * 64
    write_document(fake, document)
    result = run(fake)
    assert (result.code, result.failure["cause"]) == (1, "machine-unfit")
    for words in (
        "the program pvcreate is missing",
        "the program firewall-offline-cmd is missing",
        "the program runuser is missing",
        "consul: /usr/bin/consul is missing",
        "this is redos 8, the payload is for testos 7",
        "time zone Europe/Moscow is unknown",
        "the role proxy is unknown",
        "is not the declared build",
    ):
        assert words in result.failure["reason"]
    assert not [call for call in fake.calls if call[0] in {"pvcreate", "mkfs.ext4", "systemctl"}]


def test_only_the_major_part_of_the_system_s_version_counts(fake: FakeMachine) -> None:
    """RED OS 7.3 calls itself 7.3, 7.3.1 or 7.3.6."""
    for version in ("7", "7.3", "7.3.6"):
        fake.at("/etc/os-release").write_text(f'ID=testos\nVERSION_ID="{version}"\n')
        assert run(fake, "preflight").code == 0


def test_another_postgresql_major_stops_and_another_consul_is_a_warning(fake: FakeMachine) -> None:
    """The first cannot read the data directory, the second may know all the keys."""
    fake.script("consul", 0, "Consul v1.22.0\n")
    fake.script("postgres", 0, "postgres (PostgreSQL) 15.8\n")
    result = run(fake, "preflight")
    assert result.code == 0
    assert result.status["warnings"] == [
        "consul: /usr/bin/consul is version 1.22.0, the payload is for 1.13.9"
    ]
    fake.script("postgres", 0, "postgres (PostgreSQL) 16.4\n")
    assert "is version 16.4, the payload is for 15" in run(fake, "preflight").failure["reason"]


def test_a_machine_without_roles_of_a_member_needs_no_volumes(fake: FakeMachine) -> None:
    """A Consul server needs no LVM, and its stages say so."""
    fake.state["missing"] = ["pvcreate", "mkfs.ext4"]
    fake.save()
    document = make_document()
    document.update(roles=["consul-server"], storage=None, patroni=None, vip=None)
    write_document(fake, document)
    result = run(fake)
    assert result.code == 0, result.log.getvalue()
    skipped = [stage["name"] for stage in result.status["stages"] if stage["state"] == "skipped"]
    assert skipped == ["storage", "patroni", "vip"]
