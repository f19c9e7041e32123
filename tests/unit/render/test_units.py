"""systemd units: nothing waits for ever, nothing gives up, nothing runs in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render, Rendered

SYSTEMD = "/etc/systemd/system"
SERVICES = ("consul", "patroni", "vip-manager")
OWN = (*SERVICES, "holster-firstboot", "holster-storage")


def read_unit(rendered: Rendered, node: str, name: str) -> dict[str, list[str]]:
    """Return the settings of a service, words of repeated ones in order."""
    settings: dict[str, list[str]] = {}
    for line in rendered.payload(node, f"{SYSTEMD}/{name}.service").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            settings.setdefault(key, []).extend(value.split())
    return settings


@pytest.mark.parametrize("name", SERVICES)
def test_trap_02_no_service_notifies(render: Render, name: str) -> None:
    """With notify the first server, or Patroni without Consul, is killed again and again."""
    assert read_unit(render(), "pg1", name)["Type"] == ["simple"]


@pytest.mark.parametrize("name", SERVICES)
def test_trap_16_no_service_gives_up(render: Render, name: str) -> None:
    """Systemd's default stops after five starts in ten seconds, before the address is there."""
    unit = read_unit(render(), "pg1", name)
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["RestartSec"] == ["5"]
    assert unit["Restart"][0] in {"always", "on-failure"}
    assert "network-online.target" in unit["Wants"]
    assert "network-online.target" in unit["After"]


def test_a_first_boot_that_waited_in_vain_is_tried_again(render: Render) -> None:
    """One machine that comes too late must not leave all others unsealed; a refusal is final."""
    unit = read_unit(render("trio"), "trio1", "holster-firstboot")
    assert (unit["Restart"], unit["RestartSec"]) == (["on-failure"], ["60"])
    assert unit["RestartPreventExitStatus"] == ["2", "3", "4", "5"]
    assert unit["StartLimitIntervalSec"] == ["0"]


def test_the_first_boot_goes_before_what_nobody_waits_for(render: Render) -> None:
    """cloud-init's last stage runs beside it, on the same processor perhaps.

    Nice= did nothing here: every service is an autogroup of its own (sched(7)).
    """
    output = render("trio")
    assert read_unit(output, "trio1", "holster-firstboot")["CPUWeight"] == ["1000"]
    # Between the two: the first boot waits for Consul, and it is not to wait for the rest.
    assert read_unit(output, "trio1", "consul")["StartupCPUWeight"] == ["300"]


def test_an_old_systemd_is_not_given_what_it_refuses(render: Render) -> None:
    """Before 244 a oneshot unit with Restart= is not loaded at all."""
    facts = {"platform": "redos7"}
    assert "Restart" not in read_unit(render(changes=facts), "pg1", "holster-firstboot")


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("late", ["cloud-final.service", "cloud-init.target", "multi-user.target"])
def test_trap_03_nothing_is_ordered_after_the_end_of_the_boot(render: Render, name: str, late: str) -> None:
    """These wait for multi-user.target, which wants our units: systemd would drop a job."""
    assert late not in read_unit(render(), "pg1", name).get("After", [])


def test_no_cycle_among_our_units(render: Render) -> None:
    """Following After and Before never leads back to where it began."""
    rendered = render("trio")
    after: dict[str, set[str]] = {}
    for name in OWN:
        unit = read_unit(rendered, "trio1", name)
        after.setdefault(f"{name}.service", set()).update(unit.get("After", []))
        for later in unit.get("Before", []):
            after.setdefault(later, set()).add(f"{name}.service")

    def reach(start: str, seen: frozenset[str]) -> bool:
        return any(
            target in seen or reach(target, seen | {target})
            for target in after.get(start, ())
            if target in after
        )

    assert not any(reach(name, frozenset({name})) for name in after)


def test_consul_starts_again_whatever_ended_it(render: Render) -> None:
    """Trap 36: without the local agent the member has no DCS."""
    assert read_unit(render(), "pg1", "consul")["Restart"] == ["always"]


def test_trap_08_patroni_never_starts_without_its_volumes(render: Render) -> None:
    """A failed mount would put the cluster on the root filesystem."""
    unit = read_unit(render(), "pg1", "patroni")
    assert unit["RequiresMountsFor"] == unit["AssertPathIsMountPoint"] == ["/pgdata", "/pgwal"]
    assert unit["Requires"] == ["holster-storage.service"]
    assert "holster-storage.service" in unit["After"]


def test_a_restart_of_consul_does_not_stop_postgresql(render: Render) -> None:
    """Wants, not Requires; After, so that Patroni stops first and gives the leader key back."""
    unit = read_unit(render(), "pg1", "patroni")
    assert "consul.service" in unit["Wants"]
    assert "consul.service" in unit["After"]
    assert "consul.service" not in unit["Requires"]
    assert unit["KillMode"] == ["process"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_keeps_the_primary_alive_is_ended_last(render: Render, name: str) -> None:
    """Consul and vip-manager ended for want of memory take a healthy primary's lock or address away."""
    assert read_unit(render(), "pg1", name)["OOMScoreAdjust"] == ["-900"]


def test_the_log_of_postgresql_is_whole_and_survives(render: Render) -> None:
    """10,000 lines in 30 seconds are a normal hour of an error; a volatile journal ends with the power."""
    rendered = render("trio")
    assert read_unit(rendered, "trio1", "patroni")["LogRateLimitIntervalSec"] == ["0"]
    text = rendered.payload("trio1", "/etc/systemd/journald.conf.d/10-holster.conf")
    assert "\nStorage=persistent\nSystemMaxUse=1G\n" in text
    # The image has it as well: what a first boot says must be kept, and no restart is needed.
    assert rendered.text("packer/files/etc/systemd/journald.conf.d/10-holster.conf") == text


def test_a_flush_of_all_rules_does_not_open_the_machine(render: Render) -> None:
    """Debian's nftables.service flushes when it starts, reloads and stops; seen with systemd 257."""
    rendered = render("trio")
    text = rendered.payload("trio1", f"{SYSTEMD}/nftables.service.d/10-holster.conf")
    for moment in ("ExecStartPost", "ExecReload", "ExecStopPost"):
        assert f"{moment}=-/usr/sbin/nft -f /etc/holster/firewall.nft\n" in text
    unit = read_unit(rendered, "trio1", "holster-firewall")
    assert "nftables.service" in unit["After"]
    assert "network-pre.target" in unit["Before"]


BREAKS_POSTGRESQL = {
    "PrivateTmp": "sockets and locks of backups in /tmp are shared with people",
    "PrivateDevices": "hides /dev/watchdog",
    "ProtectClock": "implies DeviceAllow=, which closes /dev/watchdog",
    "DeviceAllow": "closes /dev/watchdog",
    "DevicePolicy": "closes /dev/watchdog",
    "MemoryDenyWriteExecute": "compiled queries (jit)",
    "SystemCallFilter": "extensions are programs of the user; unix_socket_group needs chown",
    "ProcSubset": "huge pages are read from /proc/meminfo",
}


def test_patroni_is_not_locked_away_from_what_postgresql_needs(render: Render) -> None:
    """Each of these looks harmless in the unit and breaks something of a database."""
    unit = read_unit(render(), "pg1", "patroni")
    assert not unit.keys() & BREAKS_POSTGRESQL.keys()
    assert unit["ProtectSystem"] == ["full"], "archive_command writes where the administrator says"


def test_services_write_where_the_spec_and_the_profile_say(render: Render) -> None:
    """Wherever these lie, also below /home, which is read-only otherwise."""
    changes = {
        "storage.data.mount": "/home/pg/data",
        "platform_overrides": {
            "paths": {"consul_data_dir": "/srv/consul"},
            "users": {"postgres_home": "/home/postgres"},
        },
    }
    rendered = render(changes=changes)
    assert read_unit(rendered, "pg1", "patroni")["ReadWritePaths"] == [
        "/home/pg/data",
        "/pgwal",
        "-/home/postgres",
    ]
    assert read_unit(rendered, "pg1", "consul")["ReadWritePaths"] == ["/srv/consul"]


def test_vip_manager_has_two_rights_of_root(render: Render) -> None:
    """Set the address and announce it; also when systemd removes it after a kill."""
    unit = read_unit(render(), "pg1", "vip-manager")
    assert unit["CapabilityBoundingSet"] == ["CAP_NET_ADMIN", "CAP_NET_RAW"]
    assert {"AF_NETLINK", "AF_PACKET"} <= set(unit["RestrictAddressFamilies"])
    assert "User" not in unit, "its configuration is readable by root alone"


def test_the_first_boot_runs_until_it_is_sealed(render: Render) -> None:
    """On every boot, and only where a payload was delivered."""
    unit = read_unit(render(), "consul1", "holster-firstboot")
    assert unit["ConditionPathExists"] == ["/etc/holster/node.json", "!/var/lib/holster/sealed"]
    assert unit["Type"] == ["oneshot"]
    assert unit["TimeoutStartSec"] == ["infinity"]


def test_volumes_that_are_mounted_are_not_brought_up_again(render: Render) -> None:
    """Patroni requires the unit; in the first boot it would cost as long as the storage stage itself."""
    unit = read_unit(render(), "pg1", "holster-storage")
    # `|`: one of them missing is reason enough.
    assert unit["ConditionPathIsMountPoint"] == ["|!/pgdata", "|!/pgwal"]


def test_trap_19_the_wait_for_the_clock_is_bounded(render: Render) -> None:
    """A machine without a time server must start all the same."""
    text = render().payload("pg1", f"{SYSTEMD}/chrony-wait.service.d/10-holster.conf")
    assert "TimeoutStartSec=120" in text


def test_strict_overcommit_needs_few_arenas(render: Render) -> None:
    """From 4 GiB on; smaller machines keep the kernel's default."""
    changes = {"groups.sirius_postgres.nodes.0.memory": "8GiB"}
    rendered = render(changes=changes)
    assert "MALLOC_ARENA_MAX=1" in rendered.payload("pg1", f"{SYSTEMD}/patroni.service")
    assert "vm.overcommit_memory = 2" in rendered.payload("pg1", "/etc/sysctl.d/90-holster.conf")
    assert "MALLOC_ARENA_MAX" not in rendered.payload("pg2", f"{SYSTEMD}/patroni.service")
    assert "vm.overcommit_memory = 0" in rendered.payload("pg2", "/etc/sysctl.d/90-holster.conf")


def test_paths_of_the_profile_are_escaped(render: Render) -> None:
    """A percent sign is a specifier for systemd."""
    changes = {
        "storage.data.mount": "/srv/50%data",
        "platform_overrides": {"paths": {"patroni_config": "/etc/pa%x/p%n.yml"}},
    }
    text = render(changes=changes).payload("pg1", f"{SYSTEMD}/patroni.service")
    assert "RequiresMountsFor=/srv/50%%data /pgwal" in text
    assert "ExecStart=/usr/bin/patroni /etc/pa%%x/p%%n.yml" in text
