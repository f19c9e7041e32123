"""What is done to a machine, and how it is taken back.

The network is broken at the switch (nftables of the bridge): the machines keep their carrier, and
packets vanish in silence, as between two real switches; but for `cable`, where the machine notices.
Programs are stopped from outside.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.fakes.network import sh
from tests.matrix.site import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.matrix.site import Site

CONSUL_PORTS: Final = "{ 8300, 8301 }"
RULES: Final = """
table bridge fault {{
  chain forward {{
    type filter hook forward priority 0; policy accept;
    {rules}
  }}
}}
"""
SETTLED_S: Final = 30


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: in tables and on the command line.
        words: for people.
        apply: does it to a machine of a site and returns what takes it back.
        is_off: the machine answers nobody while it lasts: what it still has is no claim.
    """

    name: str
    words: str
    apply: Callable[[Site, str], Callable[[], None]]
    is_off: bool = False


def _filter(site: Site, *rules: str) -> Callable[[], None]:
    path = site.folder / "fault.nft"
    path.write_text(RULES.format(rules="\n    ".join(rules)))
    sh("ip", "netns", "exec", site.switch.name, "nft", "-f", path)
    return lambda: (
        sh("ip", "netns", "exec", site.switch.name, "nft", "delete", "table", "bridge", "fault"),
        None,
    )[1]


def _cut(site: Site, name: str) -> Callable[[], None]:
    port = site.ports[name]
    return _filter(site, f'iifname "{port}" drop', f'oifname "{port}" drop')


def _cut_sending(site: Site, name: str) -> Callable[[], None]:
    return _filter(site, f'iifname "{site.ports[name]}" drop')


def _cut_hearing(site: Site, name: str) -> Callable[[], None]:
    return _filter(site, f'oifname "{site.ports[name]}" drop')


def _cut_from_servers(site: Site, name: str) -> Callable[[], None]:
    """Where servers are members, too, what is Consul's is cut; else the servers' machines."""
    port, others = site.ports[name], [server for server in site.servers if server != name]
    if name in site.servers or set(site.servers) & set(site.members):
        kinds = [f"{side} {CONSUL_PORTS}" for side in ("tcp dport", "tcp sport", "udp dport", "udp sport")]
        return _filter(
            site, *(f'{way} "{port}" {kind} drop' for way in ("iifname", "oifname") for kind in kinds)
        )
    hosts = ", ".join(site.addresses[server] for server in others)
    return _filter(
        site, f'iifname "{port}" ip daddr {{ {hosts} }} drop', f'oifname "{port}" ip saddr {{ {hosts} }} drop'
    )


def _lose(site: Site, name: str) -> Callable[[], None]:
    lost = "numgen random mod 100 < 30 drop"
    return _filter(site, f'iifname "{site.ports[name]}" {lost}', f'oifname "{site.ports[name]}" {lost}')


def _unplug(site: Site, name: str) -> Callable[[], None]:
    """Take the carrier away, and with it the machine's address, as systemd-networkd does.

    The virtual address is not networkd's: it stays until vip-manager removes it.
    """
    port, network = site.ports[name], site.machines[name].network
    address = (f"{site.addresses[name]}/{site.prefix.prefixlen}", "dev", "eth0")
    # systemd's own setting: without it the kernel removes the virtual address along with the first one.
    sh("ip", "netns", "exec", network, "sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1")
    sh("ip", "-n", site.switch.name, "link", "set", port, "down")
    sh("ip", "-n", network, "address", "delete", *address)

    def plug() -> None:
        sh("ip", "-n", site.switch.name, "link", "set", port, "up")
        sh("ip", "-n", network, "address", "add", *address)

    return plug


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _stop(unit: str) -> Callable[[Site, str], Callable[[], None]]:
    def apply(site: Site, name: str) -> Callable[[], None]:
        pids = site.pids(name, unit)
        if not pids:
            raise RuntimeError(f"{unit} does not run on {name}")
        _signal(pids, signal.SIGSTOP)
        return lambda: _signal(pids, signal.SIGCONT)

    return apply


def _pause(site: Site, name: str) -> Callable[[], None]:
    """Stop all that runs, and let nothing in or out: the kernel would answer for it otherwise."""
    heal = _cut(site, name)
    # Twice: a program may just have started another one.
    for _ in range(2):
        _signal(site.pids(name, None), signal.SIGSTOP)

    def resume() -> None:
        heal()
        _signal(reversed(site.pids(name, None)), signal.SIGCONT)

    return resume


def _restart_agent(site: Site, name: str) -> Callable[[], None]:
    """Leave it off for as long as the scenario says: a quick restart is over before an election begins."""
    site.machines[name].ask("systemctl", "stop", "consul.service")
    return lambda: (site.machines[name].ask("systemctl", "start", "consul.service"), None)[1]


def _cut_power(site: Site, name: str) -> Callable[[], None]:
    site.machines[name].switch_off()
    return site.machines[name].switch_on


FILL: Final = """
import os, sys
path = sys.argv[1] + "/filler"
with open(path, "wb") as stream:
    size = 64 << 20
    while size >= 4096:
        try:
            os.posix_fallocate(stream.fileno(), os.path.getsize(path), size)
        except OSError:
            size //= 2
"""


def _fill(mount: str) -> Callable[[Site, str], Callable[[], None]]:
    def apply(site: Site, name: str) -> Callable[[], None]:
        site.machines[name].ask("python3", "-c", FILL, mount)
        return lambda: (site.machines[name].ask("rm", "-f", f"{mount}/filler"), None)[1]

    return apply


FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault("link", "link cut both ways", _cut),
        Fault("deaf", "link cut: sends, hears nothing", _cut_hearing),
        Fault("mute", "link cut: hears, sends nothing", _cut_sending),
        Fault("cable", "cable out: no carrier, no own address", _unplug),
        Fault("servers", "cut from the Consul servers only", _cut_from_servers),
        Fault("loss", "30 % of the packets lost", _lose),
        Fault("agent", "local Consul agent stopped (SIGSTOP)", _stop("consul")),
        Fault("patroni", "Patroni stopped (SIGSTOP)", _stop("patroni")),
        Fault("vip", "vip-manager stopped (SIGSTOP)", _stop("vip-manager")),
        Fault("postgresql", "PostgreSQL hung (SIGSTOP)", _stop("postgresql")),
        Fault("data-full", "data volume full", _fill("/pgdata")),
        Fault("wal-full", "WAL volume full", _fill("/pgwal")),
        Fault("paused", "machine paused and resumed", _pause, is_off=True),
        Fault("restart", "Consul agent stopped and started again", _restart_agent),
        Fault("power", "power cut", _cut_power, is_off=True),
    )
}


def aim(site: Site, target: str) -> str:
    """Bring the roles about and return the machine to hit.

    Args:
        site: a whole cluster.
        target: `primary` (which does not lead raft, where it could), `raft` (not the primary),
            `both` (one machine that is both), `standby` (the synchronous one).

    Raises:
        RuntimeError: the roles did not come about.
    """
    for _ in range(12):
        roles = site.roles()
        is_both = roles.raft == roles.primary
        if target == "standby" or is_both == (target == "both"):
            return {"raft": roles.raft, "standby": roles.standby}.get(target, roles.primary)
        _depose(site, roles.raft)
        site.wait_until_whole()
    raise RuntimeError(f"the roles for the target {target} did not come about")


def _depose(site: Site, leader: str) -> None:
    """Have another server lead raft: a restart alone is over before an election begins."""
    others = [name for name in site.servers if name != leader]
    site.machines[leader].ask("systemctl", "stop", "consul.service")
    wait_for(lambda: site.find_raft_leader(others) not in (None, leader), SETTLED_S)
    site.machines[leader].ask("systemctl", "start", "consul.service")


def wait(begin: float, seconds: float) -> None:
    """Sleep until so many seconds after a moment."""
    time.sleep(max(0.0, begin + seconds - time.monotonic()))
