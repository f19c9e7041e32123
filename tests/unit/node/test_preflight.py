"""Preflight: the complete list of what is missing, and nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import run

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
    fake.script("postgres", 0, "postgres (PostgreSQL) 15.8\n")
    fake.script("journalctl", 0, "==> Starting Consul agent...\n           Version: '1.22.0'\n")
    result = run(fake, "consul")
    assert result.code == 0
    assert not [call for call in fake.calls if call[1:] == ["version"]]
    assert result.status["warnings"] == [
        "consul: /usr/bin/consul is version 1.22.0, the payload is for 1.13.9"
    ]
    fake.script("postgres", 0, "postgres (PostgreSQL) 16.4\n")
    assert "is version 16.4, the payload is for 15" in run(fake, "preflight").failure["reason"]


def test_patroni_is_asked_for_its_version_when_it_runs(fake: FakeMachine) -> None:
    """Starting the program only for that costs seconds of the first boot; another version is a warning."""
    document = make_document()
    document["programs"]["patroni"] = {"path": "/usr/bin/patroni", "version": "4.0.7"}
    write_document(fake, document)
    program = fake.at("/usr/bin/patroni")
    program.touch(mode=0o755)
    fake.state["patroni_version"] = "3.2.2"
    fake.save()
    result = run(fake, "patroni")
    assert result.code == 0, result.log.getvalue()
    assert result.status["warnings"] == [
        "patroni: /usr/bin/patroni is version 3.2.2, the payload is for 4.0.7"
    ]
    assert not any(call[0].endswith("patroni") for call in fake.calls)


def test_vip_manager_is_asked_for_its_version_when_it_runs(fake: FakeMachine) -> None:
    """The first start of a program takes seconds: it is the service's, and nobody waits for it."""
    document = make_document()
    document["programs"]["vip_manager"] = {
        "path": "/usr/bin/vip-manager",
        "version": "3.0.0",
    }
    write_document(fake, document)
    fake.at("/usr/bin/vip-manager").touch(mode=0o755)
    fake.script("vip-manager", 0, "vip-manager 2.8.0\n")
    result = run(fake)
    assert result.code == 0, result.log.getvalue()
    assert result.status["warnings"] == [
        "vip_manager: /usr/bin/vip-manager is version 2.8.0, the payload is for 3.0.0"
    ]
    started = fake.calls.index(["systemctl", "start", "--no-block", "vip-manager.service"])
    asked = [number for number, call in enumerate(fake.calls) if call[0].endswith("/vip-manager")]
    assert len(asked) == 1
    assert asked[0] > started


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


def test_a_locale_that_the_system_lacks_is_named_before_anything_is_done(fake: FakeMachine) -> None:
    """Initdb would refuse it hours later, on one member after the other."""
    document = make_document()
    document["system"]["locales"] = ["ru_RU.utf8", "de_DE.utf8"]
    write_document(fake, document)
    fake.script("locale", 0, "C\nPOSIX\nru_RU.utf8\n")
    result = run(fake)
    assert (result.code, result.failure["cause"]) == (1, "locale-missing")
    assert result.failure["reason"] == "the locale de_DE.utf8 is missing"
    fake.script("locale", 0, "C\nde_DE.utf8\nru_RU.utf8\n")
    assert run(fake, "preflight").code == 0
