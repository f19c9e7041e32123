"""The lab as a whole: machines on one network, started, watched, questioned, ended.

`open_lab` makes it ready; as a context manager it ends every process that it started,
however it is left.
"""

from __future__ import annotations

import json
import shutil
import ssl
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.error import URLError
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from generator.errors import ToolFailed
from generator.lab.disks import make_blank
from generator.lab.failure import LabFailed
from generator.lab.kept import SOCKETS
from generator.lab.machine import Engine, VirtualMachine
from generator.lab.network import LOOPBACK
from generator.lab.seeds import renew_seed
from generator.lab.site import Site, prepare_site
from generator.lab.view import ObservedCluster, parse_view
from generator.lab.waiting import judge_boot, judge_end, judge_sealed, wait_for
from generator.lab.wiring import Wiring
from generator.tools import programs
from generator.tools.qemu import make_overlay, probe_accelerator
from generator.tools.ssh import Connection, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from generator.check import CheckedSpec
    from generator.lab.status import NodeStatus
    from generator.tools.qemu import Accelerator
    from generator.tools.toolbox import ToolBox

REST_TIMEOUT_S: Final = 5.0


class Lab:
    """A cluster of machines; start, watch, question and break it.

    Attributes:
        nodes: the machines by name, in the order of the spec.
        vip: the virtual address; None where no machine here can hold it.
        folder: disks, consoles, the rendered spec and the key that every machine lets in.
        on_tick: called at every look of a wait, for those who show what happens.
    """

    def __init__(
        self, site: Site, tools: ToolBox, accelerator: Accelerator, *, outlives: bool = False
    ) -> None:
        self.site = site
        self.folder = site.folder
        self.accelerator = accelerator
        self.vip = str(site.cluster.spec.vip) if any(node.is_member for node in site.nodes.values()) else None
        self.on_tick: Callable[[], None] | None = None
        self._qemu = tools.find(programs.QEMU)
        self._qemu_img = tools.find(programs.QEMU_IMG)
        self._ssh = tools.find(programs.SSH)
        self._wiring = Wiring(site, self._qemu, outlives=outlives)
        engine = Engine(self._qemu, accelerator, outlives=outlives)
        self.nodes = {
            name: VirtualMachine(plan, engine, self._connect(name)) for name, plan in site.plans.items()
        }

    @property
    def qemu_label(self) -> str:
        """Name and version of QEMU."""
        return self._qemu.label

    def _connect(self, name: str) -> Connection:
        site, node = self.site, self.site.nodes[name]
        target = Target(
            name=name,
            host=LOOPBACK,
            port=site.forwards[str(node.address), site.cluster.spec.ports.ssh].host_port,
            user=site.cluster.spec.access.user,
            key=site.key,
            known_hosts=site.machine_folder(name) / "known_hosts",
            control=site.sockets / f"{name}.ssh",
        )
        return Connection(self._ssh, target, site.machine_folder(name) / "ssh.log")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End every machine and the network; safe to repeat."""
        for machine in self.nodes.values():
            machine.cut_power()
        self._wiring.close()
        shutil.rmtree(self.site.sockets, ignore_errors=True)

    @property
    def pids(self) -> dict[str, int]:
        """The processes by name: the machines that are on, and the network."""
        machines = {name: machine.pid for name, machine in self.nodes.items()}
        return {name: pid for name, pid in machines.items() if pid is not None} | self._wiring.pids

    def release(self) -> dict[str, int]:
        """Let everything go on without us (`--keep`); return the processes by name."""
        for machine in self.nodes.values():
            machine.disconnect()
        return self.pids

    def make_disks(self, *names: str) -> None:
        """Give machines (all when none is named) new root disks, blank data disks and an empty console."""
        for machine in self._pick(names):
            folder = self.site.machine_folder(machine.name)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, mode=0o700)
            self._make_root(machine)
            for disk in machine.plan.disks:
                if disk.role != "root":
                    make_blank(disk.path, disk.size_mib)

    def _make_root(self, machine: VirtualMachine) -> None:
        make_overlay(self._qemu_img, self.site.image.disk, machine.find_disk("root"))

    def _pick(self, names: Iterable[str]) -> list[VirtualMachine]:
        return [self.nodes[name] for name in names or self.nodes]

    def start(self, *names: str) -> None:
        """Power machines on, all when none is named.

        Raises:
            ToolFailed: QEMU does not start; its words are in the message.
        """
        self._wiring.start()
        for machine in self._pick(names):
            machine.power_on()

    def wait_sealed(self, *names: str, timeout_s: float) -> dict[str, NodeStatus]:
        """Wait until machines (all when none is named) are ready; return their statuses.

        Raises:
            LabFailed: one stopped or is not ready in time: the cause and the console's end.
        """
        self.wait_ready(*names, timeout_s=timeout_s)
        machines = self._pick(names)
        with ThreadPoolExecutor(len(machines)) as pool:
            statuses = pool.map(lambda machine: machine.status(), machines)
            return {status.node: status for status in statuses}

    def wait_ready(self, *names: str, timeout_s: float) -> None:
        """Wait as `wait_sealed`, but leave the machines alone: asking them takes them seconds.

        Raises:
            LabFailed: one stopped or is not ready in time: the cause and the console's end.
        """
        wait_for(self._pick(names), timeout_s, judge_sealed, self.on_tick)

    def wait_ended(self, name: str, timeout_s: float) -> NodeStatus:
        """Wait until the first boot of a machine is over, well or not; return its status.

        Raises:
            LabFailed: it is not over in time, or the machine went off.
        """
        wait_for([self.nodes[name]], timeout_s, judge_end, self.on_tick)
        return self.nodes[name].status()

    def wait_up(self, *names: str, timeout_s: float) -> None:
        """Wait until machines have booted to their end: a login prompt, and cloud-init done.

        Raises:
            LabFailed: one has not in time.
        """
        wait_for(self._pick(names), timeout_s, judge_boot, self.on_tick)

    def rebuild(self, name: str) -> None:
        """Give a machine that is off a new root disk and a new instance; its data disks stay.

        Raises:
            LabFailed: it runs.
        """
        machine = self.nodes[name]
        if machine.is_on:
            raise LabFailed(f"{name} runs: it cannot be rebuilt")
        machine.find_disk("root").unlink()
        self._make_root(machine)
        if machine.plan.seed is not None:
            seed = self.site.machine_folder(name) / "seed.iso"
            renew_seed(machine.plan.seed, seed)
            machine.attach_seed(seed)
        machine.forget_host_key()

    def endpoint(self, name_or_vip: str, port: int) -> tuple[str, int]:
        """Return where a port of a machine, or of the virtual address, is reached from here.

        Raises:
            LabFailed: nothing leads there.
        """
        node = self.site.nodes.get(name_or_vip)
        address = str(node.address) if node is not None else name_or_vip
        forward = self.site.forwards.get((address, port))
        if forward is None:
            raise LabFailed(f"nothing leads to port {port} of {name_or_vip}")
        return LOOPBACK, forward.host_port

    def cluster_view(self) -> ObservedCluster:
        """Return what Patroni says of the cluster, from the first member that answers.

        Raises:
            LabFailed: none answers.
        """
        cluster, said = self.site.cluster, []
        port, trusted = cluster.spec.ports.patroni, self.site.bundle.authority.certificate
        opener = build_opener(
            ProxyHandler({}), HTTPSHandler(context=ssl.create_default_context(cadata=trusted))
        )
        scheme = "https" if cluster.spec.patroni.rest_tls else "http"
        for name, machine in self.nodes.items():
            if not (self.site.nodes[name].is_member and machine.is_on):
                continue
            host, forwarded = self.endpoint(name, port)
            try:
                with opener.open(f"{scheme}://{host}:{forwarded}/cluster", timeout=REST_TIMEOUT_S) as answer:
                    return parse_view(answer.read().decode())
            except (URLError, OSError, ValueError) as error:
                said.append(f"{name}: {error}")
        raise LabFailed("no member tells about the cluster: " + ("; ".join(said) or "all are off"))

    def vip_owners(self) -> list[str]:
        """Return the machines that have the virtual address on an interface; those that answer are asked."""
        members = [
            machine
            for name, machine in self.nodes.items()
            if self.site.nodes[name].is_member and machine.is_on
        ]
        if not members:
            return []
        with ThreadPoolExecutor(len(members)) as pool:
            has = list(pool.map(self._has_vip, members))
        return [machine.name for machine, owns in zip(members, has, strict=True) if owns]

    def _has_vip(self, machine: VirtualMachine) -> bool:
        try:
            answer = machine.run("ip", "-j", "-4", "address", timeout_s=10)
        except ToolFailed:
            return False
        return any(
            item.get("local") == self.vip
            for interface in json.loads(answer.stdout)
            for item in interface.get("addr_info", ())
        )

    def sql(self, statement: str, *, on: str, host: str | None = None, timeout_s: float = 60) -> str:
        """Run SQL as the superuser with psql on the machine `on`; return its answer, columns joined by |.

        Args:
            statement: one or more statements.
            on: the machine on which psql runs.
            host: where it connects to: an address, such as the virtual one; None is the local socket.
            timeout_s: after this time psql is ended.

        Raises:
            ToolFailed: the machine cannot be reached, or the statement failed.
        """
        cluster = self.site.cluster
        user = cluster.spec.postgresql.superuser
        psql = [f"{cluster.postgresql_bin_dir}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", user]
        psql += ["-p", str(cluster.spec.ports.postgresql), "-d", "postgres"]
        machine = self.nodes[on]
        if host is None:
            local = ["runuser", "-u", cluster.platform.users.postgres, "--", *psql]
            return machine.run(*local, stdin=statement.encode(), timeout_s=timeout_s).stdout.strip()
        password = self.site.bundle.passwords.superuser.get_secret_value()
        # The password on standard input: arguments are public on the machine.
        script = 'IFS= read -r PGPASSWORD; export PGPASSWORD PGCONNECT_TIMEOUT=10; exec "$@"'
        remote = ["sh", "-c", script, "sh", *psql, "-h", host]
        stdin = f"{password}\n{statement}".encode()
        return machine.run(*remote, stdin=stdin, timeout_s=timeout_s, secrets=(password,)).stdout.strip()


def open_lab(  # noqa: PLR0913 -- one parameter per thing that comes from outside
    checked: CheckedSpec,
    image: Path,
    folder: Path,
    tools: ToolBox,
    *,
    names: tuple[str, ...] = (),
    outlives: bool = False,
) -> Lab:
    """Return a lab of this spec, off, with new disks.

    Args:
        checked: the spec.
        image: the folder of `holster build` with the golden image.
        folder: the lab's own folder, made private; an earlier lab's disks in it are replaced.
        tools: QEMU, ssh.
        names: the machines; none means all.
        outlives: whether its processes go on without us.

    Raises:
        UsageInvalid: no such machine or image, or a spec that the lab cannot imitate.
        ToolMissing: QEMU or ssh is not there.
    """
    sockets = Path(tempfile.mkdtemp(prefix=SOCKETS))
    try:
        site = prepare_site(checked, image, folder, sockets, tools, names=names)
        kernel = site.image.boot.kernel if site.image.boot else None
        accelerator = probe_accelerator(tools.find(programs.QEMU), sockets, kernel)
        lab = Lab(site, tools, accelerator, outlives=outlives)
        lab.make_disks()
    except BaseException:
        shutil.rmtree(sockets, ignore_errors=True)
        raise
    return lab
