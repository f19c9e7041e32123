"""Stages agent and consul: the agent is started, later it must see a leader.

Between the two the volumes are made: the servers boot minutes apart, and a machine that
refuses its disks still is a server for the others.
"""

from __future__ import annotations

import re

from generator.node.causes import StageFailed
from generator.node.cluster.consul_api import find_leader
from generator.node.machine.machine import STATE_DIR, Machine
from generator.node.machine.services import ensure_started, is_active
from generator.node.stage import Stage
from generator.node.stages.preflight import warn_of_version

# An agent that does not run after so many seconds is asked for its opinion of its configuration.
PATIENCE = 20.0
STARTED = f"{STATE_DIR}/consul-started"
# The agent's first words; the keys of its configuration were chosen by the version (reference §1.1).
VERSION = re.compile(r"^\s*Version: '?v?(\d+(?:\.\d+)+)", re.MULTILINE)
# What one machine must never inherit from another's image (reference §6, traps 18 and 23).
IDENTITY = (
    "node-id",
    "serf",
    "raft",
    "server_metadata.json",
    "checkpoint-signature",
    "acl-tokens.json",
    "services",
    "checks",
)


class AgentStage(Stage):
    """Start the agent; it finds the others while this machine goes on."""

    name = "agent"
    deadline = 300
    failure = "consul-down"

    def apply(self, machine: Machine) -> None:
        """Forget what an image left behind, start."""
        node = machine.node

        def prepare() -> None:
            _forget_identity(machine)
            _forget_keyring(machine)
            _own_data_directory(machine)

        folder = node.consul.config_dir.rstrip("/") + "/"
        inputs = sorted(item.path for item in node.files if item.path.startswith(folder))
        ensure_started(machine, node.units.consul, inputs, prepare)
        # Also where the agent ran already.
        _own_data_directory(machine)

    def confirm(self, machine: Machine) -> None:
        """Nothing to wait for: the stage consul does."""


class ConsulStage(Stage):
    """Wait for the quorum."""

    name = "consul"
    deadline = 900
    failure = "consul-down"
    hints = {
        "consul-config": "the agent refuses its configuration: compare the declared Consul version with `consul version`",
        "consul-down": "look at `journalctl -u consul`; the unit is started again every five seconds",
        "consul-no-leader": "boot the other Consul servers; check that ports 8300 and 8301 are open between the machines",
        "gossip-key": "one machine has another gossip key: deliver the payloads of one and the same render to all machines",
        "consul-address": "the machine does not have the address of its node.json; check the network configuration",
        "consul-name-taken": "another machine uses the name: `consul force-leave NAME` with the management token (see the documentation of secrets), then run again",
        "consul-too-old": "the server was away for longer than server_rejoin_age_max: clear its data directory and let it join anew",
        "consul-tls": "the certificates do not fit: check the clock, and deliver payloads of one render to all machines",
    }

    def apply(self, machine: Machine) -> None:
        """Change nothing: the agent was started by the stage agent."""

    def confirm(self, machine: Machine) -> None:
        """Wait for a leader; the servers may boot minutes apart."""
        unit = machine.node.units.consul
        patient_until = machine.clock.steady() + PATIENCE
        is_valid = False

        def probe() -> str | None:
            nonlocal is_valid
            missing = find_leader(machine)
            if missing is None:
                return None
            failure = machine.explain("consul", unit, "consul-no-leader", missing)
            is_late = machine.clock.steady() >= patient_until
            if not is_valid and (
                failure.cause.id == "consul-config" or (is_late and not is_active(machine, unit))
            ):
                _validate(machine)
                is_valid = True
            return str(failure)

        machine.wait(probe, lambda missing: machine.explain("consul", unit, _otherwise(machine), missing))
        told = VERSION.search(machine.read_journal(unit, is_urgent=True))
        warn_of_version(machine, "consul", told.group(1) if told else None)


def _otherwise(machine: Machine) -> str:
    return "consul-no-leader" if is_active(machine, machine.node.units.consul) else "consul-down"


def _validate(machine: Machine) -> None:
    """Let the agent itself say why it ends: it refuses keys of other versions (reference trap 5).

    Only then: it costs as much as the agent's start.

    Raises:
        StageFailed: with its first words.
    """
    program = machine.node.programs["consul"].path
    folder = str(machine.fs.at(machine.node.consul.config_dir))
    done = machine.commands.ask(str(machine.fs.at(program)), "validate", folder)
    if not done.is_fine:
        raise StageFailed("consul-config", done.describe())


def _own_data_directory(machine: Machine) -> None:
    """Write down that from here on the data directory is this machine's own."""
    if machine.fs.read(STARTED) is None:
        machine.fs.write(STARTED, f"{machine.node.instance_id}\n")


def _forget_identity(machine: Machine) -> None:
    """Move aside the state of an agent that this program never started: it came with the image."""
    folder = machine.node.consul.data_dir
    if machine.fs.read(STARTED) is not None:
        return
    found = [name for name in machine.fs.entries(folder) if name in IDENTITY]
    if not found:
        return
    target = machine.fs.at(f"{folder}/before-holster-{int(machine.clock.wall())}")
    target.mkdir(mode=0o700, exist_ok=True)
    for name in found:
        machine.fs.at(f"{folder}/{name}").rename(target / name)
    machine.warn(f"state of another Consul agent was moved to {target.name}: {', '.join(found)}")


def _forget_keyring(machine: Machine) -> None:
    """Move a stored gossip keyring aside when it lacks our key: it would win (trap 23)."""
    consul = machine.node.consul
    wanted = [
        key
        for name in machine.fs.entries(consul.config_dir)
        for key in re.findall(
            r'^\s*"?encrypt"?\s*[=:]\s*"([^"]+)"',
            machine.fs.read(f"{consul.config_dir}/{name}") or "",
            re.MULTILINE,
        )
    ]
    ring = f"{consul.data_dir}/serf/local.keyring"
    text = machine.fs.read(ring)
    if text is not None and wanted and wanted[-1] not in text:
        target = f"{ring}.before-{int(machine.clock.wall())}"
        machine.fs.at(ring).rename(machine.fs.at(target))
        machine.warn("the stored gossip keyring had another key than the payload and was moved aside")
