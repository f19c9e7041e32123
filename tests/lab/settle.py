"""A healthy cluster, looked at from outside: where every scenario begins and what it must leave behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from generator.errors import HolsterError
from generator.lab.failure import LabFailed
from tests.lab.consul import ask_consul, list_servers
from tests.lab.rest import OK, ask, list_members

if TYPE_CHECKING:
    from generator.lab.cluster import Lab

PATIENCE_S: Final = 900.0
"""Under emulation a boot takes minutes; a cluster that needs longer than this is not healing."""
POLL_S: Final = 2.0
SMALL_LAG: Final = 1 << 20
FAILURES: Final = (HolsterError, OSError, ValueError, KeyError)
"""What asking a machine that is just booting may raise; it is a reason to ask again."""


def settle(lab: Lab, timeout_s: float = PATIENCE_S) -> float:
    """Switch on what is off, wait until the cluster is whole, and return the seconds that took.

    Raises:
        LabFailed: with everything that is still missing.
    """
    began = time.monotonic()
    lab.start(*(name for name, machine in lab.nodes.items() if not machine.is_on))
    missing: list[str] = ["nothing was looked at"]
    while time.monotonic() - began < timeout_s:
        try:
            missing = find_unsettled(lab)
        except FAILURES as error:
            missing = [str(error)]
        if not missing:
            return time.monotonic() - began
        time.sleep(POLL_S)
    raise LabFailed(f"the cluster is not whole after {timeout_s:.0f} s: {'; '.join(missing)}")


def find_unsettled(lab: Lab) -> list[str]:
    """Return what is missing for a whole cluster, in words; the cheap questions come first."""
    return _look_at_patroni(lab) or _look_at_consul(lab) or _look_at_machines(lab)


def _look_at_patroni(lab: Lab) -> list[str]:
    names = list_members(lab)
    if not names:
        return []
    primaries = [name for name in names if ask(lab, name, "/primary").status == OK]
    if len(primaries) != 1:
        return [f"primaries: {primaries}"]
    view = lab.cluster_view()
    missing = [f"Patroni does not know {name}" for name in names if name not in view.members]
    missing += [
        f"{member.name} is {member.state} with lag {member.lag}"
        for member in view.replicas
        if member.state != "streaming" or member.lag is None or member.lag > SMALL_LAG
    ]
    if view.leader != primaries[0]:
        missing.append(f"Patroni says {view.leader} leads, but {primaries} is primary")
    has_standby = any(member.role in {"sync_standby", "quorum_standby"} for member in view.replicas)
    if lab.site.cluster.spec.durability != "asynchronous" and not has_standby:
        missing.append("no standby confirms commits")
    return missing


def _look_at_consul(lab: Lab) -> list[str]:
    leaders = set()
    for name in list_servers(lab):
        answer = ask_consul(lab.nodes[name], "/v1/status/leader")
        leaders.add(answer.data if answer.status == OK else None)
    if len(leaders) != 1 or not any(leaders):
        return [f"the Consul servers name as leader: {sorted(map(str, leaders))}"]
    # Without a token the agent answers by its default token, which may read the names of nodes.
    answer = ask_consul(lab.nodes[list_servers(lab)[0]], "/v1/health/state/critical")
    if answer.status != OK:
        return [f"Consul's health: {answer.status} {answer.text[:200]}"]
    return [f"{check['Node']}: {check['Name']} is critical" for check in answer.data]


def _look_at_machines(lab: Lab) -> list[str]:
    missing = [
        f"{name} is {status.state} in {status.stage}"
        for name, machine in lab.nodes.items()
        if not (status := machine.status()).is_sealed
    ]
    if lab.vip is not None:
        owners, leader = lab.vip_owners(), lab.cluster_view().leader
        if owners != [leader]:
            missing.append(f"{lab.vip} is on {owners}, the leader is {leader}")
    return missing
