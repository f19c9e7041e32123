"""One cluster in namespaces, from its rendered payload, and questions to it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.external.machine_fixtures import install_image
from tests.external.test_firstboot_cluster import deliver
from tests.fakes.machines import TestMachine
from tests.fakes.network import Switch, sh
from tests.lab.clients import ROLE
from tests.lab.writer import TABLE
from tests.matrix.processes import list_machine, list_of_unit

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.matrix.clusters import Recipe

FIRSTBOOT: Final = "/usr/local/sbin/holster-node"
READY_S: Final = 420
WHOLE_S: Final = 240
CLIENT_NUMBER: Final = 250


@dataclass(frozen=True)
class Roles:
    """Who does what in a whole cluster."""

    primary: str
    standby: str
    raft: str


class NotWhole(Exception):
    """The cluster did not come back; the message says what is missing."""


class Site:
    """The machines of a recipe on one switch, and a client beside them."""

    def __init__(self, folder: Path, recipe: Recipe, programs: dict[str, Path]) -> None:
        """Make the machines; nothing runs yet.

        Args:
            folder: where their disks and logs go.
            recipe: the cluster.
            programs: path on the machine -> program of this machine.
        """
        self.folder = folder
        self.recipe = recipe
        self.vip = str(recipe.spec.vip)
        self.prefix = recipe.spec.network.prefix
        self.password = secrets.token_hex(16)
        self.switch = Switch(f"mx-{os.getpid()}-{recipe.spec.cluster}-sw")
        self.client = f"mx-{os.getpid()}-{recipe.spec.cluster}-client"
        self.machines: dict[str, TestMachine] = {}
        self.addresses: dict[str, str] = {}
        self.servers: list[str] = []
        self.members: list[str] = []
        self.ports: dict[str, str] = {}
        self.programs = programs
        self._runs: list[subprocess.Popen[bytes]] = []

    def boot(self) -> None:
        """Deliver, switch everything on, and wait until all machines are sealed.

        Raises:
            NotWhole: with the logs.
        """
        tree = self.recipe.render()
        for node, is_server, is_member in self.recipe.nodes():
            machine = TestMachine(self.folder, node.name)
            self.machines[node.name] = machine
            self.addresses[node.name] = str(node.address)
            number = int(str(node.address).rpartition(".")[2])
            self.ports[node.name] = f"p{number}"
            (self.servers if is_server else []).append(node.name)
            (self.members if is_member else []).append(node.name)
            deliver(tree, machine)
            install_image(machine, self.programs)
            if is_member:
                machine.add_disk("data", 1536)
                machine.add_disk("wal", 1024)
            self.switch.plug(machine.network, number, f"{node.address}/{self.prefix.prefixlen}")
            machine.switch_on()
        sh("ip", "netns", "add", self.client)
        address = self.prefix.network_address + CLIENT_NUMBER
        self.switch.plug(self.client, CLIENT_NUMBER, f"{address}/{self.prefix.prefixlen}")
        runs = [machine.start(FIRSTBOOT, "run", log="firstboot.log") for machine in self.machines.values()]
        self._runs += runs
        deadline = time.monotonic() + READY_S
        while any(run.poll() is None for run in runs) and time.monotonic() < deadline:
            time.sleep(0.5)
        if any(run.poll() != 0 for run in runs):
            raise NotWhole(self.logs())
        self.wait_until_whole()
        self._make_client()

    def _make_client(self) -> None:
        role = f"create role {ROLE} login password '{self.password}'"
        for command in (role, TABLE.strip(), f"alter table ledger owner to {ROLE}"):
            self.sql(self.roles().primary, command)

    def sql(self, name: str, command: str) -> str:
        """Have a member's own PostgreSQL run a command."""
        psql = f"/usr/lib/postgresql/{self.recipe.wanted.postgresql}/bin/psql"
        words = ("runuser", "-u", "postgres", "--", psql, "-qXAt", "-c", command, "postgres")
        return self.machines[name].ask(*words)

    def web(self, name: str, url: str, *words: str) -> Any:
        """Return the JSON that an address answers to a machine, None where there is none."""
        network = self.machines[name].network
        text = sh("ip", "netns", "exec", network, "curl", "-s", "-m", "3", *words, url, check=False)
        try:
            return json.loads(text)
        except ValueError:
            return None

    def consul(self, name: str, path: str) -> Any:
        """Ask a machine's agent, with the management token."""
        token = self.recipe.bundle.management_token.secret_id.get_secret_value()
        return self.web(name, f"http://127.0.0.1:8500/v1/{path}", "-H", f"X-Consul-Token: {token}")

    def patroni(self, name: str, path: str, *words: str) -> Any:
        """Ask a member's Patroni, from the machine itself."""
        login = self.recipe.bundle.passwords.rest.get_secret_value()
        user = f"patroni:{login}"
        if not self.has_rest_tls(name):
            return self.web(name, f"http://{self.addresses[name]}:8008/{path}", "-u", user, *words)
        own = (word for item in self.rest_files(name).items() for word in item)
        return self.web(name, f"https://{self.addresses[name]}:8008/{path}", "-u", user, *own, *words)

    def has_rest_tls(self, name: str) -> bool:
        """Say whether a member's own configuration has Patroni's REST interface speak TLS."""
        config = self.machines[name].upper / self.recipe.profile.paths.patroni_config.lstrip("/")
        return "certfile" in yaml.safe_load(config.read_text())["restapi"]

    def rest_files(self, name: str) -> dict[str, str]:
        """Return curl's options for whom a member's Patroni believes, and what it shows."""
        files = {"--cacert": "ca.pem", "--cert": "patroni.pem", "--key": "patroni.key"}
        folder = self.machines[name].upper / "etc/holster/tls"
        return {option: f"{folder}/{file}" for option, file in files.items()}

    def has_vip(self, name: str) -> bool:
        """Say whether a machine has the virtual address."""
        return f" {self.vip}/" in sh("ip", "-n", self.machines[name].network, "-4", "addr", "show", "eth0")

    def find_raft_leader(self, among: list[str] | None = None) -> str | None:
        """Return the leader on which all servers, or some of them, agree."""
        answers = {self.consul(name, "status/leader") for name in among or self.servers}
        if len(answers) != 1:
            return None
        host = str(answers.pop()).rpartition(":")[0]
        return next((name for name in self.servers if self.addresses[name] == host), None)

    def find_missing(self) -> str | None:
        """Return what a whole cluster has and this one lacks, or None."""
        if self.find_raft_leader() is None:
            return "the Consul servers do not agree on a leader"
        leaders = set()
        for name in self.members:
            members = (self.patroni(name, "cluster") or {}).get("members", [])
            missing = self._find_odd(members)
            if missing is not None:
                return f"{name} sees {missing}"
            leaders |= {member["name"] for member in members if member["role"] == "leader"}
        owners = {name for name in self.members if self.has_vip(name)}
        if len(leaders) != 1 or owners != leaders:
            return f"{sorted(leaders)} lead, {sorted(owners)} have the virtual address"
        return None

    def _find_odd(self, members: list[dict[str, Any]]) -> str | None:
        """Return what is wrong with Patroni's list of members, or None."""
        roles = sorted(member["role"] for member in members)
        states = {member["name"]: member["state"] for member in members if member["role"] != "leader"}
        if len(members) != len(self.members) or roles.count("leader") != 1:
            return str(roles)
        if set(states.values()) - {"streaming"}:
            return str(states)
        if len({member.get("timeline") for member in members}) != 1:
            return "several timelines"
        if self.is_synchronous() and not {"sync_standby", "quorum_standby"} & set(roles):
            return "no synchronous standby"
        return None

    def is_synchronous(self) -> bool:
        """Say whether commits wait for a standby, by the configuration in Consul."""
        path = f"kv/service/{self.recipe.spec.cluster}/config?raw"
        found = (self.consul(name, path) for name in self.servers)
        settings: dict[str, Any] = next((item for item in found if item), {})
        return bool(settings.get("synchronous_mode"))

    def wait_until_whole(self, timeout_s: float = WHOLE_S) -> float:
        """Wait until nothing is missing, twice in a row; return how long that took.

        Raises:
            NotWhole: it took too long.
        """
        begun = time.monotonic()
        missing: str | None = "nothing was seen yet"
        while time.monotonic() - begun < timeout_s:
            missing = self.find_missing()
            if missing is None:
                seconds = time.monotonic() - begun
                time.sleep(1)
                if self.find_missing() is None:
                    return seconds
            time.sleep(1)
        raise NotWhole(missing or "it is whole for a moment only")

    def roles(self) -> Roles:
        """Return who does what; the cluster must be whole."""
        members = self.patroni(self.members[0], "cluster")["members"]
        primary = next(member["name"] for member in members if member["role"] == "leader")
        standbys = [member["name"] for member in members if "standby" in member["role"]]
        others = [name for name in self.members if name != primary]
        return Roles(primary, (standbys or others)[0], self.find_raft_leader() or "")

    def pids(self, name: str, unit: str | None) -> list[int]:
        """Return the processes of a unit (`postgresql` too) on a machine, all of the machine for None."""
        machine = self.machines[name]
        everything = list_machine(machine)
        return everything if unit is None else list_of_unit(everything, unit)

    def restart_all(self) -> None:
        """Switch everything off and on again."""
        for machine in self.machines.values():
            machine.switch_off()
        for machine in self.machines.values():
            machine.switch_on()

    def logs(self) -> str:
        """Return what a person would look at."""
        return "\n".join(
            f"==== {name} {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for name, path in self._list_logs()
        )

    def _list_logs(self) -> Iterator[tuple[str, Path]]:
        for name, machine in self.machines.items():
            units = sorted((machine.upper / "var/log/units").glob("*.log"))
            paths = (machine.folder / "firstboot.log", *units)
            yield from ((name, path) for path in paths if path.exists())

    def save_logs(self, folder: Path) -> None:
        """Copy all logs to a folder, as MACHINE-UNIT.log: the machines are soon removed."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in self._list_logs():
            shutil.copyfile(path, folder / f"{name}-{path.name}")

    def remove(self) -> None:
        """Remove everything."""
        for machine in self.machines.values():
            machine.remove()
        for run in self._runs:
            run.wait(30)
        sh("ip", "netns", "del", self.client, check=False)
        self.switch.remove()


def wait_for(what: Callable[[], bool], timeout_s: float, every_s: float = 0.2) -> bool:
    """Wait until something holds; return whether it did."""
    deadline = time.monotonic() + timeout_s
    while not what():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every_s)
    return True
