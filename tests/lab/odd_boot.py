"""One boot for the scenarios 7, 8 and 11: each of three members has one peculiarity of its own.

They do not weaken each other: the machine with the foreign disk starts nothing but its
Consul agent, the one with the wrong gossip key can talk to nobody, and the third one, whose
disks are attached the other way round, is the cluster that has to come up beside them.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import psycopg

from generator import __version__
from generator.credentials.bundle import draw_gossip_key, replace_gossip_key
from generator.layout import SEED_ISO, USER_DATA, node_path
from generator.pack.node_program import build_node_program
from generator.pack.seed import pack_node
from generator.render.tree import render_cluster
from tests.lab.clients import Client
from tests.lab.journals import find_journal_leaks
from tests.lab.settle import FAILURES
from tests.lab.specs import FOREIGN, SWAPPED, WRONG_KEY
from tests.lab.writer import INSERT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generator.lab.cluster import Lab
    from generator.lab.console import Stop
    from generator.lab.machine import VirtualMachine
    from generator.lab.status import NodeStatus
    from generator.render.rendered import RenderedFile

FOREIGN_LABEL: Final = "accounts"
CONSUL_DEADLINE_S: Final = 150
"""Instead of 900: the machine must give up, and what it says then is what the scenario is about."""
END_S: Final = 900.0
SERVING_S: Final = 900.0
RETRY_S: Final = 2.0
ENTROPY_SEED: Final = b"\x5a"


@dataclass(frozen=True, slots=True)
class OddBoot:
    """What was seen of the one boot.

    Attributes:
        lab: the cluster, still up; the machine with the foreign disk is off.
        refused: the last status of the machine with the foreign disk.
        refused_stops: what its console said of that, in seconds since its power-on; more than once where
            cloud-init's runcmd comes after the first refusal and starts the first boot again.
        refused_leaks: secrets in its journal, by machine.
        digests_before, digests_after: SHA-256 of its data disk, the foreign one, and of its WAL disk.
        wrong_key: the status of the machine with the wrong gossip key, read when it had given up.
        wrong_key_stop: what its console said when it gave up for the first time.
        serving_after: seconds from power-on until the other machines served rows through the address.
    """

    lab: Lab
    refused: NodeStatus
    refused_stops: tuple[Stop, ...]
    refused_leaks: dict[str, list[str]]
    digests_before: dict[str, str]
    digests_after: dict[str, str]
    wrong_key: NodeStatus
    wrong_key_stop: Stop
    serving_after: float


def boot_odd(lab: Lab) -> OddBoot:
    """Prepare the three peculiarities, switch everything on, and watch."""
    foreign, wrong = lab.nodes[FOREIGN], lab.nodes[WRONG_KEY]
    lab.nodes[SWAPPED].swap_data_disks()
    foreign.put_on_disk("data", make_foreign_file_system(lab.folder))
    before = digest_disks(foreign)
    wrong.attach_seed(make_seed_with_wrong_key(lab, WRONG_KEY))
    began = time.monotonic()
    lab.start()
    # Side by side: who gave up may be tried again a minute later, and then no longer tells why.
    with ThreadPoolExecutor(1) as beside:
        giving_up = beside.submit(read_failed_status, lab, WRONG_KEY, END_S)
        refused = read_failed_status(lab, FOREIGN, END_S)
        serving_after = wait_until_serving(lab, SWAPPED, SERVING_S) - began
        wrong_status = giving_up.result()
    leaks = find_journal_leaks(lab, [FOREIGN])
    foreign.cut_power()
    return OddBoot(
        lab=lab,
        refused=refused,
        refused_stops=tuple(foreign.log.stops),
        refused_leaks=leaks,
        digests_before=before,
        digests_after=digest_disks(foreign),
        wrong_key=wrong_status,
        wrong_key_stop=wrong.log.stops[0],
        serving_after=serving_after,
    )


def digest_disks(machine: VirtualMachine) -> dict[str, str]:
    """Return a digest of each data disk of a machine that is off."""
    return {"data": machine.digest_disk("data"), "wal": machine.digest_disk("wal")}


def read_failed_status(lab: Lab, name: str, timeout_s: float) -> NodeStatus:
    """Return the status of a machine whose first boot ended, with the failure in it.

    When it was tried again before the status was read, its next end is waited for.

    Raises:
        LabFailed: it did not end in time, or went off.
        AssertionError: it ended, and its status never said why.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        status = lab.wait_ended(name, max(0.0, deadline - time.monotonic()))
        if status.failure is not None:
            return status
        assert time.monotonic() < deadline, f"{name} ended without a failure in its status: {status}"
        time.sleep(RETRY_S)


def make_foreign_file_system(folder: Path) -> Path:
    """Return a file with an ext4 file system of somebody else, and a file of theirs in it."""
    program = shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert program is not None, "mke2fs (package e2fsprogs) is needed"
    content, image = folder / "foreign", folder / "foreign.ext4"
    content.mkdir()
    (content / "ledger-2019.csv").write_text("1,the only copy\n")
    argv = [program, "-q", "-t", "ext4", "-L", FOREIGN_LABEL, "-d", str(content), str(image), "64M"]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return image


def draw_wrong_key() -> str:
    """Return the gossip key of the machine with the wrong one."""
    return draw_gossip_key(lambda size: ENTROPY_SEED * size).get_secret_value()


def make_seed_with_wrong_key(lab: Lab, name: str) -> Path:
    """Return a seed as another render would make it: another gossip key, all else the same."""
    bundle = lab.site.bundle
    key = draw_wrong_key()
    assert key != bundle.gossip_key.get_secret_value()
    program = build_node_program()
    tree = render_cluster(
        lab.site.cluster,
        replace_gossip_key(bundle, key),
        (name,),
        tool_version=__version__,
        node_program=program,
    )
    files = [_shorten_deadline(file, name) for file in tree.files]
    image = next(file for file in pack_node(name, files, program) if file.path == node_path(name, SEED_ISO))
    path = lab.folder / f"{name}-wrong-key.iso"
    path.touch(mode=0o600)
    path.write_bytes(image.content)
    return path


def _shorten_deadline(file: RenderedFile, name: str) -> RenderedFile:
    if file.path != node_path(name, USER_DATA):
        return file
    head = b'"holster_node": 1,'
    assert file.content.count(head) == 1
    more = head + f' "deadlines": {{"consul": {CONSUL_DEADLINE_S}}},'.encode()
    return replace(file, content=file.content.replace(head, more))


def wait_until_serving(lab: Lab, name: str, timeout_s: float) -> float:
    """Return the moment at which the cluster that this machine leads took a row through its address."""

    def is_serving() -> bool:
        if lab.cluster_view().leader != name:
            return False
        with Client(lab).through_vip().connect() as connection:
            connection.execute(INSERT, ("serving", time.time_ns()))
        return True

    return wait_until(is_serving, timeout_s, f"{lab.vip} does not serve")


def wait_until(is_so: Callable[[], bool], timeout_s: float, otherwise: str) -> float:
    """Return the moment at which something became so.

    Raises:
        AssertionError: it did not in time; the last words of the asking are added.
    """
    deadline, words = time.monotonic() + timeout_s, ""
    while time.monotonic() < deadline:
        try:
            if is_so():
                return time.monotonic()
        except (*FAILURES, psycopg.Error) as error:
            words = str(error)
        time.sleep(2)
    raise AssertionError(f"{otherwise}; {words[-500:]}")
