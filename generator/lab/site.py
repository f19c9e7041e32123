"""What a lab is made of, ready before the first machine starts.

In: a checked spec, the folder of a golden image, the folder of the lab.  Out: a Site:
the spec rendered with a key that lets the lab in, a plan for each machine, ports.
The lab has secrets of its own; those of the real cluster are not touched.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from generator.credentials.store import load_bundle
from generator.errors import BundleInvalid, UsageInvalid
from generator.lab.network import LOOPBACK, Cable, Forward, choose_gate
from generator.lab.plan import GoldenImage, MachinePaths, plan_machine
from generator.lab.qemu_arguments import BootFiles
from generator.layout import SEED_ISO, ClusterOutput
from generator.pipeline import run_pipeline, select_nodes
from generator.resolve.cluster import resolve_cluster
from generator.spec.storage import merge_storage
from generator.spec.topology import iterate_nodes
from generator.tools import programs
from generator.tools.ssh_keygen import make_key_pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Network
    from pathlib import Path

    from generator.check import CheckedSpec
    from generator.credentials.bundle import CredentialBundle
    from generator.lab.qemu_arguments import MachinePlan
    from generator.resolve.cluster import ResolvedCluster, ResolvedNode
    from generator.spec.model import ClusterSpec
    from generator.tools.toolbox import ToolBox

KERNEL, INITRD = "vmlinuz", "initrd.img"
RENDERED, BUNDLE, KEY, MACHINES, IMAGE = "rendered", "secrets.yaml", "key", "machines", "image"


@dataclass(frozen=True, slots=True)
class Site:
    """Everything of one lab; nothing of it runs yet.

    Attributes:
        folder: the lab's folder, open to its owner only.
        sockets: a folder with a short path: a socket's may have 107 letters.
        image: what root disks are copies of.
        rendered: the output of the spec, with the lab's key.
        cluster, nodes: the resolved spec; `names` are those of this lab.
        bundle: its secrets.
        gate, gate_cable: the part of the network from which the lab comes in, and its cable.
        plans: by name.
        forwards: by address (text) and port.
    """

    folder: Path
    sockets: Path
    image: GoldenImage
    rendered: ClusterOutput
    cluster: ResolvedCluster
    bundle: CredentialBundle
    nodes: dict[str, ResolvedNode]
    gate: IPv4Network
    gate_cable: Cable
    plans: dict[str, MachinePlan]
    forwards: dict[tuple[str, int], Forward]

    @property
    def key(self) -> Path:
        """The private key that every machine lets in."""
        return self.folder / KEY

    def machine_folder(self, name: str) -> Path:
        """Return the folder of one machine."""
        return self.folder / MACHINES / name


def find_image(folder: Path) -> GoldenImage:
    """Return the image in a folder of `holster build`.

    Raises:
        UsageInvalid: there is none, or more than one.
    """
    found = sorted(folder.glob("*.qcow2"))
    if len(found) != 1:
        what = "no image" if not found else f"{len(found)} images"
        raise UsageInvalid(f"{folder} holds {what}", hint="`holster build SPEC` makes the golden image")
    files = BootFiles((folder / KERNEL).resolve(), (folder / INITRD).resolve())
    has_files = files.kernel.is_file() and files.initrd.is_file()
    return GoldenImage(found[0].resolve(), files if has_files else None)


def keep_image(golden: GoldenImage, folder: Path) -> GoldenImage:
    """Return the image under names of the lab's own: root disks stand on it for as long as the lab lives.

    Links where that is possible: `holster build` replaces an image by renaming, and the
    link keeps the old bytes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)

    def keep(path: Path) -> Path:
        kept = folder / path.name
        try:
            os.link(path, kept)
        except OSError:
            # Another file system, or one without links.
            shutil.copyfile(path, kept)
        return kept

    boot = golden.boot and BootFiles(keep(golden.boot.kernel), keep(golden.boot.initrd))
    return GoldenImage(keep(golden.disk), boot)


def let_in(checked: CheckedSpec, public_key: str, gate: IPv4Network) -> CheckedSpec:
    """Return the spec with one more key of its administrator, and the lab's gate among those who may come.

    The gate is administrator, client and monitor at once; where a list is not given, the
    machines' own network is let in, and the gate lies in it.
    """
    access, network = checked.spec.access, checked.spec.network
    access = access.model_copy(update={"ssh_keys": (*access.ssh_keys, public_key)})
    lists = {"admins": network.admins, "clients": network.clients, "monitors": network.monitors}
    opened = {name: (*given, gate) for name, given in lists.items() if given is not None}
    return replace(
        checked,
        spec=checked.spec.model_copy(update={"access": access, "network": network.model_copy(update=opened)}),
        sha256=sha256(f"{checked.sha256} {public_key} {gate}".encode()).hexdigest(),
    )


def render_for_lab(checked: CheckedSpec, folder: Path) -> None:
    """Render the spec into the lab's folder, with secrets of the lab's own.

    The machines of a lab are made anew at each start, so nothing depends on secrets that
    no longer fit the spec: they are made anew, too.

    Raises:
        HolsterError: an expected failure.
    """
    render = partial(
        run_pipeline,
        checked,
        output=folder / RENDERED,
        bundle_path=folder / BUNDLE,
        now=datetime.now(UTC),
        entropy=secrets.token_bytes,
    )
    try:
        render()
    except BundleInvalid:
        shutil.rmtree(folder / RENDERED, ignore_errors=True)
        (folder / BUNDLE).unlink()
        render()


def prepare_site(  # noqa: PLR0913 -- one parameter per thing that comes from outside
    checked: CheckedSpec,
    image: Path,
    folder: Path,
    sockets: Path,
    tools: ToolBox,
    *,
    names: tuple[str, ...] = (),
) -> Site:
    """Render the spec for the lab and plan its machines.

    Args:
        checked: the spec.
        image: the folder of the golden image.
        folder: the lab's own folder; made, what is there is used again.
        sockets: an empty folder with a short path.
        tools: for ssh-keygen.
        names: the machines; none means all.

    Raises:
        UsageInvalid: no such machine or image, or a spec that the lab cannot imitate.
        ToolMissing: ssh-keygen is not there.
    """
    folder = folder.resolve()
    selected = select_nodes(checked.spec, names)
    found = find_image(image)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    golden = keep_image(found, folder / IMAGE)
    key = folder / KEY
    public = key.with_name(f"{KEY}.pub")
    if not (key.exists() and public.exists()):
        key.unlink(missing_ok=True)
        make_key_pair(tools.find(programs.SSH_KEYGEN), key)
    gate = choose_gate(checked.spec.network.prefix, _list_taken(checked.spec))
    own = let_in(checked, public.read_text("utf-8").strip(), gate)
    render_for_lab(own, folder)
    cluster = resolve_cluster(own.spec, own.profile)
    nodes = {node.name: node for node in cluster.nodes if node.name in selected}
    rendered = ClusterOutput(folder / RENDERED)
    ports = _free_ports()
    storages = {node.name: merge_storage(own.spec, node) for _, node, _ in iterate_nodes(own.spec)}
    plans = {
        name: plan_machine(
            node,
            storages[name],
            MachinePaths(folder / MACHINES / name, sockets / f"{name}.qmp", rendered.node(name) / SEED_ISO),
            Cable(next(ports), next(ports)),
            golden,
        )
        for name, node in nodes.items()
    }
    forwards = {
        (str(forward.address), forward.port): forward for forward in _list_forwards(cluster, nodes, ports)
    }
    return Site(
        folder=folder,
        sockets=sockets,
        image=golden,
        rendered=rendered,
        cluster=cluster,
        bundle=load_bundle(folder / BUNDLE),
        nodes=nodes,
        gate_cable=Cable(next(ports), next(ports)),
        gate=gate,
        plans=plans,
        forwards=forwards,
    )


def _list_taken(spec: ClusterSpec) -> list[IPv4Address]:
    network = spec.network
    taken = [node.address for _, node, _ in iterate_nodes(spec)] + [spec.vip, *network.dns]
    prefix = network.prefix
    taken += [network.gateway] if network.gateway else []
    taken += [IPv4Address(server) for server in network.ntp if _is_address(str(server))]
    return [*taken, prefix.network_address, prefix.broadcast_address]


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _list_forwards(
    cluster: ResolvedCluster, nodes: dict[str, ResolvedNode], ports: Iterator[int]
) -> Iterator[Forward]:
    inside = cluster.spec.ports
    for node in nodes.values():
        yield Forward(next(ports), node.address, inside.ssh)
        if node.is_member:
            yield Forward(next(ports), node.address, inside.patroni)
            yield Forward(next(ports), node.address, inside.postgresql)
    if any(node.is_member for node in nodes.values()):
        yield Forward(next(ports), cluster.spec.vip, inside.postgresql)


def _free_ports() -> Iterator[int]:
    """Yield ports of 127.0.0.1 that are free for TCP and UDP; no two are the same.

    All of them are held until the last one was taken, so that none is given out twice.
    """
    with ExitStack() as held:
        while True:
            stream = held.enter_context(socket.socket())
            stream.bind((LOOPBACK, 0))
            port = int(stream.getsockname()[1])
            datagram = held.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            try:
                datagram.bind((LOOPBACK, port))
            except OSError:
                continue
            yield port
