"""The stages time, system and vip: traps of the reference notes that concern the operating system."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.fakes.node_documents import make_document, write_document
from tests.fakes.node_runs import boot, run
from tests.fakes.stage_runs import journal, stop_at

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.fake_machine import FakeMachine


def test_clock_not_synchronised_at_first_boot(fake: FakeMachine) -> None:
    """traps.md 35, reference trap 19: a bounded wait, then a warning, never a block."""
    fake.state["synchronised"] = False
    fake.save()
    result = run(fake)
    assert result.code == 0
    assert any("not synchronised" in warning for warning in result.status["warnings"])
    assert 15 <= result.status["stages"][1]["seconds"] <= 30


def test_vip_stays_on_the_old_node(fake: FakeMachine) -> None:
    """Reference trap 6: an address without the role is seen and named."""
    fake.script("ip", 0, "2: enp1s0    inet 192.0.2.11/24 x\n2: enp1s0    inet 192.0.2.100/24 x\n")
    fake.state["leads"] = False
    fake.save()
    assert "not the leader" in stop_at(fake, "vip", "vip-wrong").failure["reason"]


def test_interface_names_differ(fake: FakeMachine) -> None:
    """traps.md 14: the interface is found by its address and given to vip-manager."""
    document = make_document()
    document["network"]["interface"] = "eth0"
    write_document(fake, document)
    result = run(fake)
    assert result.code == 0
    assert fake.at("/etc/holster/vip-manager.env").read_text() == "VIP_INTERFACE=enp1s0\n"
    assert any("enp1s0, not on eth0" in warning for warning in result.status["warnings"])


def test_vip_manager_without_support_for_the_mode_is_named(fake: FakeMachine) -> None:
    """Vip manager without support for the mode is named."""
    fake.state["vip_answers"] = False
    journal(fake, "vip-manager.service", "endpoint type not supported")
    stop_at(fake, "vip", "vip-unsupported")


def test_the_distribution_s_postgresql_is_disabled(fake: FakeMachine) -> None:
    """Reference §2.5: a server that the package started keeps the port and the directory."""
    assert run(fake, "system").code == 0
    assert fake.state["units"]["postgresql.service"] == {"active": False, "enabled": False, "starts": 1}


def test_units_that_are_disabled_already_are_left_alone(fake: FakeMachine) -> None:
    """Each `disable` and each reading of all units costs seconds of the first boot."""
    assert run(fake, "system").code == 0
    fake.forget_calls()
    assert run(fake).code == 0
    calls = [call for call in fake.calls if call[0] == "systemctl"]
    assert not [call for call in calls if call[1] == "disable"]
    # Once, after the seal: until then systemd would tell the first administrator that units changed.
    assert [number for number, call in enumerate(calls) if call[1] == "daemon-reload"] == [len(calls) - 1]
    assert [call[2] for call in calls if call[1] == "enable" and "patroni.service" in call] == ["--no-reload"]


def test_units_that_changed_under_systemd_are_read_again(fake: FakeMachine) -> None:
    """A payload that was delivered again, or one that systemd does not tell about."""
    for state in ("yes", "unknown"):
        fake.state["shown"] = {"NeedDaemonReload": state}
        fake.save()
        fake.forget_calls()
        assert run(fake, "system").code == 0
        assert ["systemctl", "daemon-reload"] in fake.calls


def test_a_unit_of_the_distribution_does_not_win_over_ours(fake: FakeMachine) -> None:
    """The manager knows Debian's patroni.service already; it must see the one of the payload."""
    path = "/etc/systemd/system/patroni.service"
    fake.at(path).parent.mkdir(parents=True, exist_ok=True)
    fake.at(path).write_text("[Service]\n")
    document = make_document()
    digest = hashlib.sha256(fake.at(path).read_bytes()).hexdigest()
    unit = {"path": path, "owner": "root", "group": "root", "mode": "0644", "sha256": digest, "secret": False}
    document["files"].append(unit)
    write_document(fake, document)
    for shown, is_read in ((f"/usr/lib/{path[5:]}", True), (path, False)):
        fake.state["shown"] = {"FragmentPath": shown}
        fake.save()
        fake.forget_calls()
        result = run(fake, "system")
        assert result.code == 0, result.log.getvalue()
        assert (["systemctl", "daemon-reload"] in fake.calls) is is_read


@pytest.mark.parametrize("before", ["/usr/share/zoneinfo/UTC", "../usr/share/zoneinfo/Europe/Moscow", None])
def test_the_zone_is_set_before_cloud_init_comes_to_it(fake: FakeMachine, before: str | None) -> None:
    """The zone is written down by initdb; `timedatectl` starts a service for it, which takes seconds."""
    link = fake.at("/etc/localtime")
    link.unlink(missing_ok=True)
    if before is not None:
        link.symlink_to(before)
    assert run(fake, "system").code == 0
    assert str(link.readlink()) == "../usr/share/zoneinfo/Europe/Moscow"
    assert not [call for call in fake.calls if call[0] == "timedatectl" and "set-timezone" in call]


def test_watchdog_required_and_absent(fake: FakeMachine) -> None:
    """traps.md 30: `required` stops in words, `automatic` goes on with a warning."""
    document = make_document()
    document["system"]["watchdog"] = "automatic"
    write_document(fake, document)
    fake.script("modprobe", 1, "", "modprobe: FATAL: Module softdog not found")
    result = run(fake, "system")
    assert result.code == 0
    assert any("softdog not found" in warning for warning in result.status["warnings"])
    document["system"]["watchdog"] = "required"
    write_document(fake, document)
    stop_at(fake, "system", "watchdog-missing")


def give_watchdog(fake: FakeMachine, wanted: str, vendor: str = "Dell Inc.", **facts: str) -> None:
    """Let udev have linked a watchdog of which sysfs tells this."""
    document = make_document()
    document["system"]["watchdog"] = wanted
    write_document(fake, document)
    known = {"timeout": "30", "nowayout": "0", "bootstatus": "0", **facts}
    for path, text in {
        "/dev/watchdog1": "",
        "/sys/class/dmi/id/sys_vendor": f"{vendor}\n",
        **{f"/sys/class/watchdog/watchdog1/{name}": f"{text}\n" for name, text in known.items()},
    }.items():
        fake.at(path).parent.mkdir(parents=True, exist_ok=True)
        fake.at(path).write_text(text)
    fake.at("/dev/holster-watchdog").symlink_to("watchdog1")


def test_the_first_boot_says_which_watchdog_it_is(fake: FakeMachine) -> None:
    """And that it has reset the machine, if it has."""
    give_watchdog(fake, "required", identity="i6300ESB timer", bootstatus="32")
    result = run(fake, "system")
    assert result.code == 0
    assert "watchdog: i6300ESB timer (/dev/watchdog1), timeout 30 s, nowayout 0" in result.log.getvalue()
    assert "which reset this machine" in result.log.getvalue()
    assert not [text for text in result.status["warnings"] if "watchdog" in text]


def test_softdog_is_said_to_be_the_kernel_s(fake: FakeMachine) -> None:
    """It is better than none."""
    give_watchdog(fake, "required", identity="Software Watchdog")
    result = run(fake, "system")
    assert result.code == 0
    assert "it acts only while the kernel runs" in result.log.getvalue()


@pytest.mark.parametrize(("vendor", "is_doubtful"), [("QEMU", True), ("Dell Inc.", False)])
def test_a_watchdog_that_may_not_reset_is_refused(
    fake: FakeMachine, vendor: str, *, is_doubtful: bool
) -> None:
    """Seen in the lab: opened, fed, run out, and nothing happened."""
    give_watchdog(fake, "automatic", vendor, identity="iTCO_wdt")
    warnings = run(fake, "system").status["warnings"]
    assert any("without a reset" in text for text in warnings) is is_doubtful
    fake.at("/dev/holster-watchdog").unlink()
    give_watchdog(fake, "required", vendor, identity="iTCO_wdt")
    if is_doubtful:
        stop_at(fake, "system", "watchdog-missing")
    else:
        assert run(fake, "system").code == 0


def demand_selinux(fake: FakeMachine) -> Path:
    """Let the payload want an enforcing machine; return where its configuration file is."""
    document = make_document()
    document["platform"]["has_selinux"] = True
    document["system"]["selinux"] = "enforcing"
    write_document(fake, document)
    config = fake.at("/etc/selinux/config")
    config.parent.mkdir(parents=True)
    return config


def test_selinux_on_non_default_paths(fake: FakeMachine) -> None:
    """traps.md 34: labels are ruled and restored on the mounted volumes; repeating changes nothing."""
    demand_selinux(fake)
    assert run(fake).code == 0
    boot(fake)
    assert fake.state["fcontext"] == {"/pgdata(/.*)?": "postgresql_db_t", "/pgwal(/.*)?": "postgresql_db_t"}
    assert ["setenforce", "1"] in fake.calls


def test_the_selinux_mode_outlives_the_reboot(fake: FakeMachine) -> None:
    """An image that says permissive: setenforce alone would hold until the next boot."""
    config = demand_selinux(fake)
    config.write_text("# mode\nSELINUX=permissive\nSELINUXTYPE=targeted\n")
    assert run(fake).code == 0
    assert config.read_text() == "# mode\nSELINUXTYPE=targeted\nSELINUX=enforcing\n"


def test_a_system_without_selinux_is_not_made_enforcing(fake: FakeMachine) -> None:
    """Its files have no labels: it would not boot any more."""
    config = demand_selinux(fake)
    config.write_text("SELINUX=disabled\n")
    fake.script("selinuxenabled", 1)
    result = run(fake)
    assert result.code == 0
    assert config.read_text() == "SELINUX=disabled\n"
    assert any("fixfiles onboot" in warning for warning in result.status["warnings"])


def test_the_watchdog_waits_for_no_other_device(fake: FakeMachine) -> None:
    """`udevadm settle` waits for all of a machine that is still booting, up to ten seconds."""
    give_watchdog(fake, "automatic", identity="i6300ESB timer")
    assert run(fake, "system").code == 0
    asked = [call[1:] for call in fake.calls if call[0] == "udevadm"]
    assert ["trigger", "--settle", "--action=add", "--subsystem-match=watchdog"] in asked
    assert "settle" not in [call[0] for call in asked]
