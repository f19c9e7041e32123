"""Three machines reach `seal`: real Consul, Patroni, PostgreSQL, vip-manager, LVM metadata, ext4.

Each machine is a set of namespaces with its own root, network and disks, and boots
from the payload that the renderer makes.  Stand-ins replace what a container cannot
have: systemd, device-mapper, udev, the clock, kernel settings, the firewall.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generator.credentials.bundle import create_bundle
from generator.credentials.certificates import create_authority
from generator.errors import ToolMissing
from generator.layout import CLIENTS
from generator.platforms.profile import load_profile
from generator.render.tree import render_cluster
from generator.resolve.cluster import resolve_cluster
from generator.resolve.peers import list_identities
from generator.spec.model import ClusterSpec
from generator.tools.programs import Program
from tests.external.machine_fixtures import absent, demand_privileges, install_image, read_os_release
from tests.fakes.leaks import find_leaks
from tests.fakes.machines import TestMachine
from tests.fakes.network import Switch

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from generator.credentials.bundle import CredentialBundle
    from generator.render.rendered import RenderedTree
    from generator.tools.toolbox import ToolBox

pytestmark = pytest.mark.external

ROOT = Path(__file__).resolve().parents[2]
PROXY = ROOT / "tests/fakes/lossy_proxy.py"
VIP = "10.77.0.100"
NAMES = ("trio1", "trio2", "trio3")
READY_SECONDS = 420
FIRSTBOOT = "/usr/local/sbin/holster-node"
POSTGRESQL = Path("/usr/lib/postgresql")
VIP_MANAGER = Program(
    "vip-manager", ("--version",), r"version: (\d+(?:\.\d+)*)", "tests/tools/install unpacks it"
)


@pytest.fixture
def postgresql() -> str:
    """Return the newest PostgreSQL major of this machine that the renderer takes."""
    majors = sorted((int(path.parent.parent.name) for path in POSTGRESQL.glob("*/bin/initdb")), reverse=True)
    if not majors:
        absent("PostgreSQL server (package postgresql)")
    return str(majors[0])


@pytest.fixture
def vip_manager(toolbox: ToolBox) -> Path:
    """Return a vip-manager that has the mode `patroni`."""
    try:
        return toolbox.find(VIP_MANAGER, None, "").path
    except ToolMissing as missing:
        absent(f"vip-manager ({missing.hint})")


def render(consul_version: str, postgresql: str, **settings: Any) -> RenderedTree:
    """Return the example `trio` for programs and system of this machine, with fresh secrets."""
    return render_with_secrets(consul_version, postgresql, **settings)[0]


def render_with_secrets(
    consul_version: str, postgresql: str, **settings: Any
) -> tuple[RenderedTree, CredentialBundle]:
    """Return the same, and the secrets.

    `settings` come into the spec's section `postgresql`.
    """
    data: dict[str, Any] = yaml.safe_load((ROOT / "examples/trio.yaml").read_text("utf-8"))
    release = read_os_release()
    data["platform_overrides"] = {
        "os_release": {"id": release["ID"], "version_major": release["VERSION_ID"].split(".")[0]}
    }
    data["components"] = {
        "consul": {"version": consul_version, "source": "package"},
        "postgresql": {"version": int(postgresql)},
    }
    data["patroni"] = {"watchdog": "off"}
    data["postgresql"] |= settings
    data["storage"] = {
        "data": {"disk": "/dev/disk/by-id/data", "disk_size": "1536MiB"},
        "wal": {"disk": "/dev/disk/by-id/wal", "disk_size": "1GiB"},
    }
    spec = ClusterSpec.model_validate(copy.deepcopy(data))
    bundle = create_bundle(
        spec.cluster, tuple(list_identities(spec)), years=10, now=datetime.now(UTC), entropy=os.urandom
    )
    tree = render_cluster(
        resolve_cluster(spec, load_profile(spec.platform, spec.platform_overrides)),
        bundle,
        tool_version="test",
    )
    return tree, bundle


def deliver(tree: RenderedTree, machine: TestMachine) -> None:
    """Write a machine's payload as both ways of delivery do: root:root with the final mode."""
    prefix = f"nodes/{machine.name}/payload"
    for file in tree.files:
        path = str(file.path)
        if path.startswith(f"{prefix}/"):
            machine.write(path.removeprefix(prefix), file.content, file.mode or 0o644)


def deliver_clients(tree: RenderedTree, machine: TestMachine) -> None:
    """Put the folder for clients where its files say that it is."""
    for file in tree.files:
        if file.path.parts[0] == CLIENTS:
            ca = f"/etc/ssl/{tree.cluster}-ca.pem"
            machine.write(ca if file.path.name == "ca.pem" else f"/srv/{file.path}", file.content)


class Cluster:
    """Three machines on one switch."""

    def __init__(self, folder: Path) -> None:
        self.switch = Switch(f"hol-{os.getpid()}-sw")
        self.machines = [TestMachine(folder, name) for name in NAMES]
        self.runs: dict[str, subprocess.Popen[bytes]] = {}
        self.helpers: list[subprocess.Popen[bytes]] = []
        self.bundle: CredentialBundle | None = None

    def boot(self, *machines: TestMachine) -> None:
        """Start the first boot on these machines, or on all at once."""
        for machine in machines or self.machines:
            self.runs[machine.name] = machine.start(FIRSTBOOT, "run", log="firstboot.log")

    def find_bootstrapping(self) -> TestMachine:
        """Wait for the machine whose initdb is at work, and return it."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            for machine in self.machines:
                if machine.ask("sh", "-c", "ls /pgdata/*/data/base 2>/dev/null", check=False):
                    return machine
            time.sleep(0.05)
        pytest.fail(self.logs())

    def wait_for_vip(self) -> None:
        """Wait until the virtual address is on exactly one machine and its replicas stream."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            states = [
                machine.ask("curl", "-s", f"http://10.77.0.{number}:8008/cluster", check=False)
                for number, machine in enumerate(self.machines, 11)
            ]
            texts = [machine.ask("ip", "-4", "addr", "show", "dev", "eth0") for machine in self.machines]
            if sum(VIP in text for text in texts) == 1 and any(
                text.count("streaming") == 2 for text in states
            ):
                return
            time.sleep(1)
        pytest.fail(self.logs())

    def wait_for_text(self, text: str) -> None:
        """Wait until Patroni's view of the cluster holds a text."""
        deadline = time.monotonic() + READY_SECONDS
        while text not in self.machines[0].ask("curl", "-s", "http://10.77.0.11:8008/cluster", check=False):
            if time.monotonic() > deadline:
                pytest.fail(self.logs())
            time.sleep(1)

    def wait_for_leader(self, machines: list[TestMachine], postgresql: str) -> TestMachine:
        """Wait until one of these machines leads and takes rows, and return it."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            for machine in machines:
                if run_sql(machine, postgresql, "select pg_is_in_recovery()", check=False).split() == ["f"]:
                    return machine
            time.sleep(1)
        pytest.fail(self.logs())

    def wait(self) -> dict[str, int]:
        """Return the exit codes of all first boots; one that fails ends the wait, the others need it."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            codes = {name: run.poll() for name, run in self.runs.items()}
            ended = {name: code for name, code in codes.items() if code is not None}
            if len(ended) == len(codes) or any(ended.values()):
                return ended
            time.sleep(0.2)
        pytest.fail(self.logs())

    def logs(self) -> str:
        """Return what a person would look at."""
        parts = []
        for machine in self.machines:
            units = sorted((machine.upper / "var/log/units").glob("*.log"))
            paths = [path for path in (machine.folder / "firstboot.log", *units) if path.exists()]
            parts += [
                f"==== {machine.name} {path.name}\n{path.read_text(errors='replace')[-4000:]}"
                for path in paths
            ]
        return "\n".join(parts)

    def read_logs(self) -> str:
        """Return all that the units, the program and its record said on all machines."""
        paths = [
            path for machine in self.machines for path in machine.folder.glob("upper/var/log/units/*.log")
        ]
        for machine in self.machines:
            paths += [machine.folder / "firstboot.log", machine.upper / "var/lib/holster/status.json"]
        return "\n".join(path.read_text(errors="replace") for path in paths if path.exists())

    def remove(self) -> None:
        """Remove all machines and the switch."""
        for machine in self.machines:
            machine.remove()
        for run in (*self.runs.values(), *self.helpers):
            run.wait(30)
        self.switch.remove()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return three machines without payload."""
    demand_privileges()
    made = Cluster(tmp_path)
    yield made
    made.remove()
    # Whatever happened, and also when it failed.
    assert made.bundle is None or find_leaks(made.bundle, made.read_logs()) == []


@pytest.fixture
def start(
    cluster: Cluster, tool: Callable[..., Path], postgresql: str, vip_manager: Path
) -> Callable[..., None]:
    """Return a function that delivers the payloads and switches all machines on."""

    def switch_on(version: str, **settings: Any) -> None:
        tool("patroni")
        programs = {"/usr/bin/consul": tool("consul", version), "/usr/bin/vip-manager": vip_manager}
        tree, cluster.bundle = render_with_secrets(version, postgresql, **settings)
        for number, machine in enumerate(cluster.machines, 11):
            deliver(tree, machine)
            deliver_clients(tree, machine)
            install_image(machine, programs)
            machine.add_disk("data", 1536)
            machine.add_disk("wal", 1024)
            cluster.switch.plug(machine.network, number, f"10.77.0.{number}/24")
            machine.switch_on()

    return switch_on


@pytest.mark.parametrize(
    ("version", "tls"), [("1.13.9", "allowed"), ("1.8.7", "required"), ("1.13.9", "off")]
)
def test_three_members_reach_seal(
    cluster: Cluster, start: Callable[..., None], postgresql: str, version: str, tls: str
) -> None:
    """Three members reach seal; replicas and clients are encrypted as the spec says."""
    start(version, tls=tls)
    cluster.boot()
    assert cluster.wait() == dict.fromkeys(NAMES, 0), cluster.logs()
    leader = check_ready(cluster, postgresql)
    assert run_sql(leader, postgresql, ENCRYPTED_REPLICAS).split() == ["0" if tls == "off" else "2"]
    check_clients(cluster, leader, postgresql, tls)
    check_vip_goes_with_its_manager(leader)


def test_a_rewound_primary_follows_over_verified_tls(
    cluster: Cluster, start: Callable[..., None], postgresql: str
) -> None:
    """The primary dies with rows that nobody else has: pg_rewind fetches what the new one has."""
    start("1.13")
    cluster.boot()
    assert cluster.wait() == dict.fromkeys(NAMES, 0), cluster.logs()
    old = check_ready(cluster, postgresql)
    others = [machine for machine in cluster.machines if machine is not old]
    # Only a standby that Patroni has noted as synchronous may take over.
    cluster.wait_for_text("sync_standby")
    for machine in others:
        machine.switch_off()
    run_sql(old, postgresql, "set synchronous_commit = local; create table lost as select 1 as row")
    old.switch_off()
    for machine in others:
        machine.switch_on()
    new = cluster.wait_for_leader(others, postgresql)
    run_sql(new, postgresql, "create table kept as select 1 as row; checkpoint")
    old.switch_on()
    cluster.wait_for_vip()
    assert check_ready(cluster, postgresql) is new
    assert run_sql(old, postgresql, "select to_regclass('lost') is null, to_regclass('kept')").split() == [
        "t|kept"
    ]
    log = (old.upper / "var/log/units/patroni.service.log").read_text(errors="replace")
    assert "pg_rewind exit code=0" in log, log[-4000:]


def test_a_power_cut_during_the_bootstrap_heals_and_a_later_one_too(
    cluster: Cluster, start: Callable[..., None], postgresql: str
) -> None:
    """Reference trap 7 with the real programs: the machine that bootstraps loses its power in initdb."""
    start("1.13")
    cluster.boot()
    victim = cluster.find_bootstrapping()
    victim.switch_off()
    assert cluster.runs.pop(victim.name).wait(30) != 0
    victim.switch_on()
    cluster.boot(victim)
    assert cluster.wait() == dict.fromkeys(NAMES, 0), cluster.logs()
    check_ready(cluster, postgresql)
    # A sealed cluster comes up by its units alone.
    for machine in cluster.machines:
        machine.switch_off()
    for machine in cluster.machines:
        machine.switch_on()
    cluster.wait_for_vip()
    check_ready(cluster, postgresql)


# Once: while Patroni gives the roles their rights, somebody holds the table longer than its timeout of 2 s.
LOCK_ONCE = """
\\! test -e /run/postgresql/locked || { touch /run/postgresql/locked; (LOCK >/dev/null 2>&1 &); sleep 1; }
"""
LOCK = "bin/psql -X -c 'begin; lock table pg_authid in share mode; select pg_sleep(8)' postgres"


def put_proxy_before_consul(cluster: Cluster, rules: list[list[str | int]]) -> None:
    """Let every machine's Patroni ask Consul through a proxy that loses something."""
    for machine in cluster.machines:
        path = json.loads(machine.ask("cat", "/etc/holster/node.json"))["patroni"]["config"]
        config = machine.ask("cat", path).replace("127.0.0.1:8500", "127.0.0.1:8599")
        machine.redeliver(path, f"{config}\n")
        words = ("python3", str(PROXY), "8599", "127.0.0.1:8500", json.dumps(rules))
        cluster.helpers.append(machine.start(*words, log="proxy.log"))


def read_losses(cluster: Cluster) -> str:
    """Return what the proxies lost."""
    return "".join((machine.folder / "proxy.log").read_text() for machine in cluster.machines)


def test_a_failed_bootstrap_whose_deletion_is_lost_heals_and_shows_no_password(
    cluster: Cluster, start: Callable[..., None], postgresql: str
) -> None:
    """Seen on a slow machine: all members waited for ever, and a password stood in the journal."""
    start("1.13")
    put_proxy_before_consul(cluster, [["DELETE", "/initialize", "request", -1]])
    lock = LOCK_ONCE.replace("LOCK", f"/usr/lib/postgresql/{postgresql}/{LOCK}")
    # On the one that begins; whoever begins after it is left alone.
    roles = cluster.machines[0].ask("cat", "/etc/holster/roles.sql")
    cluster.machines[0].redeliver("/etc/holster/roles.sql", f"{roles}\n{lock}")
    cluster.boot()
    assert cluster.wait() == dict.fromkeys(NAMES, 0), cluster.logs()
    check_ready(cluster, postgresql)
    logs = cluster.read_logs()
    assert "canceling statement due to statement timeout" in logs
    assert 'CONTEXT:  SQL statement "ALTER ROLE' in logs
    assert "nobody worked at the bootstrap any more" in logs
    assert "data.failed" in logs
    assert "lost the request" in read_losses(cluster)


# Each place fails the first time that a bootstrap comes to it: the server's own files remember it.
FAIL_ONCE = """
\\set first `test -e /run/postgresql/place-NUMBER; echo $?; touch /run/postgresql/place-NUMBER`
\\if :first
FAULT
\\endif
"""
FAULTS = ("select 1 / 0;", "select pg_terminate_backend(pg_backend_pid());")


def test_statements_of_the_bootstrap_may_fail_or_be_cut_off_once(
    cluster: Cluster, start: Callable[..., None], postgresql: str
) -> None:
    """The first one, one between, and the connection after the last: Patroni begins again each time.

    Each statement by itself is in test_roles_statements.py.
    """
    start("1.13")
    broken = [
        FAIL_ONCE.replace("NUMBER", str(number)).replace("FAULT", fault)
        for number, fault in enumerate((FAULTS[0], FAULTS[0], FAULTS[1]))
    ]
    # On every machine: whoever makes the database in the end has passed all places.
    for machine in cluster.machines:
        head, mark, rest = machine.ask("cat", "/etc/holster/roles.sql").partition('ALTER ROLE "replicator"')
        text = f"{broken[0]}{head}{broken[1]}{mark}{rest}\n{broken[2]}"
        machine.redeliver("/etc/holster/roles.sql", text)
    cluster.boot()
    assert cluster.wait() == dict.fromkeys(NAMES, 0), cluster.logs()
    check_ready(cluster, postgresql)
    logs = cluster.read_logs()
    assert "division by zero" in logs
    assert "terminating connection due to administrator command" in logs
    assert logs.count("removing initialize key after failed attempt to bootstrap") >= len(broken)


@pytest.mark.parametrize("kind", ["request", "answer"])
def test_each_write_of_patroni_to_consul_may_be_lost_once(
    cluster: Cluster, start: Callable[..., None], postgresql: str, kind: str
) -> None:
    """The first of each kind, on every machine."""
    start("1.13")
    keys = ("/initialize", "/leader", "/config", "/members/", "/status", "/sync", "/history", "/failsafe")
    paths = (*keys, "/session/create", "/session/renew")
    put_proxy_before_consul(cluster, [["PUT", path, kind, 1] for path in paths])
    cluster.boot()
    assert cluster.wait() == dict.fromkeys(NAMES, 0), cluster.logs()
    check_ready(cluster, postgresql)
    lost = read_losses(cluster)
    for key in ("/initialize", "/leader", "/config", "/members/", "/session/create"):
        assert key in lost, lost


def test_another_gossip_key_on_one_machine_is_named(cluster: Cluster, start: Callable[..., None]) -> None:
    """Another gossip key on one machine is named."""
    start("1.13")
    odd = cluster.machines[2]
    path = "/etc/consul.d/consul.hcl"
    key = base64.b64encode(os.urandom(32)).decode()
    text = re.sub(r'^(encrypt\s*=\s*")[^"]*', rf"\g<1>{key}", odd.ask("cat", path), flags=re.MULTILINE)
    odd.redeliver(path, text + "\n")
    odd.shorten_deadline("consul", 20)
    cluster.boot(*cluster.machines[:2])
    run = odd.start(FIRSTBOOT, "run", log="firstboot.log")
    assert run.wait(120) == 1
    failure = odd.status()["failure"]
    assert isinstance(failure, dict)
    assert (failure["stage"], failure["cause"]) == ("consul", "gossip-key"), failure


def test_kept_data_follows_the_member_that_the_operator_names(
    cluster: Cluster, start: Callable[..., None], postgresql: str
) -> None:
    """All root disks are lost, and Consul's data: a copy that lacks rows must not become the cluster."""
    start("1.13")
    cluster.boot()
    assert cluster.wait() == dict.fromkeys(NAMES, 0), cluster.logs()
    leader = check_ready(cluster, postgresql)
    others = [machine for machine in cluster.machines if machine is not leader]
    for machine in cluster.machines:
        machine.ask("rm", "/var/lib/enabled-units")
    for machine in others:
        machine.switch_off()
    sql = "set synchronous_commit = local; create table kept as select 1 as row"
    run_sql(leader, postgresql, sql)
    leader.switch_off()
    for machine in cluster.machines:
        machine.switch_on()
        machine.ask("sh", "-c", "rm -rf /var/lib/consul/* /var/lib/holster")
    cluster.boot(*others)
    cluster.boot(leader)
    deadline = time.monotonic() + READY_SECONDS
    while any("Consul knows no cluster" not in str(machine.status()) for machine in cluster.machines):
        assert time.monotonic() < deadline, cluster.logs()
        time.sleep(0.5)
    assert "in production" in str(leader.status())
    assert all("in archive recovery" in str(machine.status()) for machine in others)
    leader.ask("touch", "/var/lib/holster/lead")
    assert cluster.wait() == dict.fromkeys(NAMES, 0), cluster.logs()
    assert check_ready(cluster, postgresql) is leader
    assert run_sql(leader, postgresql, "select count(*) from kept").split() == ["1"]


def run_sql(machine: TestMachine, postgresql: str, sql: str, *, check: bool = True) -> str:
    """Have a machine's own PostgreSQL run commands, one transaction each; return what it prints."""
    psql = f"/usr/lib/postgresql/{postgresql}/bin/psql"
    commands = [word for command in sql.split(";") for word in ("-c", command)]
    return machine.ask("runuser", "-u", "postgres", "--", psql, "-qXAt", *commands, "postgres", check=check)


ENCRYPTED_REPLICAS = (
    "select count(*) from pg_stat_replication join pg_stat_ssl using (pid) where version ~ '^TLSv1.[23]$'"
)
IS_ENCRYPTED = "select ssl and version ~ '^TLSv1.[23]$' from pg_stat_ssl where pid = pg_backend_pid()"
CA = "/etc/holster/tls/ca.pem"


def check_clients(cluster: Cluster, leader: TestMachine, postgresql: str, tls: str) -> None:
    """An application on another machine: through the virtual address, verifying, plain, and deceived."""
    run_sql(leader, postgresql, "create role app login password 'secret-of-app'")
    machine = next(machine for machine in cluster.machines if machine is not leader)
    check_client_files(machine, postgresql)
    stranger, _ = create_authority("other", years=2, now=datetime.now(UTC), entropy=os.urandom)
    machine.ask("sh", "-c", f"cat >/run/other.pem <<'END'\n{stranger}END")

    def ask(**settings: str) -> str:
        words = {"user": "app", "password": "secret-of-app", "dbname": "postgres", **settings}
        conninfo = " ".join(f"{key}={value}" for key, value in words.items())
        psql = f"{POSTGRESQL}/{postgresql}/bin/psql"
        script = '"$@" 2>&1'
        return machine.ask("sh", "-c", script, "sh", psql, conninfo, "-XAtc", IS_ENCRYPTED, check=False)

    plain, verified = (
        ask(host=VIP, sslmode="disable"),
        ask(host=VIP, sslmode="verify-full", sslrootcert=CA),
    )
    if tls == "off":
        assert plain == "f"
        assert "server does not support SSL" in verified
        return
    assert verified == "t"
    if tls == "required":
        assert "no pg_hba.conf entry" in plain
        assert "no encryption" in plain
    else:
        assert plain == "f"
    # A client that asks for nothing gets TLS where there is TLS.
    assert ask(host=VIP) == "t"
    assert "certificate verify failed" in ask(host=VIP, sslmode="verify-full", sslrootcert="/run/other.pem")
    # The address of a member stands for this member only.
    number = 11 + cluster.machines.index(leader)
    assert ask(host=f"10.77.0.{number}", sslmode="verify-full", sslrootcert=CA) == "t"
    wrong = ask(host="10.77.0.99", hostaddr=VIP, sslmode="verify-full", sslrootcert=CA)
    assert "does not match host name" in wrong


def check_client_files(machine: TestMachine, postgresql: str) -> None:
    """The rendered service file and URIs, as libpq reads them, lead to the member that takes writes."""
    uris = [line for line in machine.ask("cat", "/srv/clients/uri.txt").splitlines() if line[0] != "#"]
    assert len(uris) == 2
    environment = ("PGSERVICEFILE=/srv/clients/pg_service.conf", "PGUSER=app", "PGDATABASE=postgres")
    for words in ("service=trio", "service=trio-members", *uris):
        program = f"{POSTGRESQL}/{postgresql}/bin/psql"
        query = f"select pg_is_in_recovery(), ({IS_ENCRYPTED})"
        found = machine.ask(
            "env", *environment, "PGPASSWORD=secret-of-app", program, words, "-XAtc", query, check=False
        )
        assert found in {"f|t", "f|f"}, f"{words}: {found}"


def check_vip_goes_with_its_manager(leader: TestMachine) -> None:
    """Reference trap 6: a stopped vip-manager takes the address along."""
    leader.ask("systemctl", "stop", "vip-manager.service")
    assert VIP not in leader.ask("ip", "-4", "addr", "show", "dev", "eth0")
    leader.ask("systemctl", "start", "vip-manager.service")


def check_ready(cluster: Cluster, postgresql: str) -> TestMachine:
    """Ask the machines themselves, not the program under test; return the leader."""
    holders = []
    for machine in cluster.machines:
        assert machine.status()["state"] == "sealed"
        assert machine.ask("stat", "-c", "%a %U", "/pgdata") == "700 postgres"
        mounts = machine.ask("cat", "/proc/self/mountinfo")
        assert " /pgdata " in mounts
        assert " /pgwal " in mounts
        if VIP in machine.ask("ip", "-4", "addr", "show", "dev", "eth0"):
            holders.append(machine)
    assert len(holders) == 1, "the virtual address is on exactly one machine"
    leader = holders[0]
    assert run_sql(leader, postgresql, "select count(*) from pg_stat_replication").split() == ["2"]
    return leader
