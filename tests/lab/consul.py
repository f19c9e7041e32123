"""Consul as the machines themselves see it: through the agent on their loopback.

A token goes to the machine on standard input and from there into a header: it is
in no process list and in no message.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.lab.guest_stream import GuestStream, GuestWatch
from tests.lab.sightings import first_seen

if TYPE_CHECKING:
    from generator.lab.cluster import Lab
    from generator.lab.machine import VirtualMachine

NONE: Final = "none"
ASK_PROGRAM: Final = """
import json, sys, urllib.request, urllib.error
order = json.load(sys.stdin)
body = order["body"]
request = urllib.request.Request(
    "http://127.0.0.1:8500" + order["path"],
    method=order["method"],
    data=None if body is None else body.encode(),
    headers={"X-Consul-Token": order["token"]} if order["token"] else {},
)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    with opener.open(request, timeout=20) as answer:
        status, text = answer.status, answer.read().decode()
except urllib.error.HTTPError as error:
    status, text = error.code, error.read().decode()
except OSError as error:
    status, text = 0, str(error)
json.dump({"status": status, "text": text}, sys.stdout)
"""
WATCH_PROGRAM: Final = """
import json, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
while True:
    try:
        leader = json.load(opener.open("http://127.0.0.1:8500/v1/status/leader", timeout=5)) or "none"
    except (OSError, ValueError):
        leader = "none"
    say(leader.partition(":")[0])
    time.sleep(0.2)
"""


@dataclass(frozen=True, slots=True)
class ConsulAnswer:
    """What the agent said; `status` 0 means that it did not answer."""

    status: int
    text: str

    @property
    def data(self) -> Any:
        """The JSON of the answer."""
        return json.loads(self.text)


def ask_consul(
    machine: VirtualMachine, path: str, *, method: str = "GET", token: str = "", body: str | None = None
) -> ConsulAnswer:
    """Ask the agent of a machine."""
    order = json.dumps({"path": path, "method": method, "token": token, "body": body})
    done = machine.run("python3", "-c", ASK_PROGRAM, stdin=order.encode(), timeout_s=90)
    found = json.loads(done.stdout)
    return ConsulAnswer(int(found["status"]), str(found["text"]))


def name_of(lab: Lab, address: str) -> str | None:
    """Return the machine with an address."""
    groups = lab.site.cluster.spec.groups.values()
    return next((node.name for group in groups for node in group.nodes if str(node.address) == address), None)


def list_servers(lab: Lab) -> tuple[str, ...]:
    """Return the names of the Consul servers, in the order of the spec."""
    groups = lab.site.cluster.spec.groups.values()
    return tuple(node.name for group in groups if "consul-server" in group.roles for node in group.nodes)


def find_raft_leader(lab: Lab, timeout_s: float = 60) -> str:
    """Return the server that leads, as all servers that are on agree.

    Raises:
        AssertionError: they did not agree in time.
    """
    deadline = time.monotonic() + timeout_s
    seen: set[str | None] = set()
    while time.monotonic() < deadline:
        answers = [
            ask_consul(lab.nodes[name], "/v1/status/leader")
            for name in list_servers(lab)
            if lab.nodes[name].is_on
        ]
        seen = {
            name_of(lab, str(answer.data).partition(":")[0]) if answer.status == 200 else None
            for answer in answers
        }
        if len(seen) == 1 and None not in seen:
            return str(seen.pop())
        time.sleep(1)
    raise AssertionError(f"the Consul servers do not agree on a leader: {seen}")


class RaftWatch(GuestWatch):
    """Asks every server for the raft leader several times a second, between `with` and its end."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._addresses = {
            str(node.address): node.name
            for group in lab.site.cluster.spec.groups.values()
            for node in group.nodes
        }
        super().__init__(GuestStream(lab, WATCH_PROGRAM, (), list_servers(lab)))

    def first_leader(self, *, after: float, other_than: str) -> tuple[float, str] | None:
        """Return when a server first named a leader that is not `other_than`, and that leader."""
        found = [
            (moment, name)
            for address, name in self._addresses.items()
            if name != other_than
            for moment in [
                first_seen(self.stream.sightings(), address, after=after, nodes=list_servers(self._lab))
            ]
            if moment is not None
        ]
        return min(found, default=None)
