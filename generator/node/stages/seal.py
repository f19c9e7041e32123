"""Stage seal: the machine is ready; from now on systemd alone starts it, and the seed is gone.

The marker itself is the last thing that the runner writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.node.causes import StageFailed
from generator.node.cluster.bootstrap import BOOTSTRAP_JSON
from generator.node.cluster.kept_data import LEAD
from generator.node.stage import Stage
from generator.node.stages.preflight import DELIVERED

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

CLOUD_DIR = "/etc/cloud"
CLOUD_DISABLED = "/etc/cloud/cloud-init.disabled"
# Copies of the payload that cloud-init and the installer keep (reference §6, trap 21; traps 19).
INSTANCES = "/var/lib/cloud/instances"
INSTANCE_COPIES = (
    *(
        "user-data.txt",
        "user-data.txt.i",
        "vendor-data.txt",
        "vendor-data.txt.i",
        "vendor-data2.txt",
        "vendor-data2.txt.i",
    ),
    *(
        "cloud-config.txt",
        "vendor-cloud-config.txt",
        "vendor2-cloud-config.txt",
        "combined-cloud-config.json",
        "obj.pkl",
    ),
)
OTHER_COPIES = (
    "/run/cloud-init/combined-cloud-config.json",
    "/run/cloud-init/instance-data-sensitive.json",
    "/root/original-ks.cfg",
    "/root/anaconda-ks.cfg",
)
# Made by cloud-init's generator where it runs, and by its last stage when it ends.
CLOUD_RUNS = "/run/cloud-init/enabled"
CLOUD_RESULT = "/run/cloud-init/result.json"
INSTALLER_LOGS = "/var/log/anaconda"


class SealStage(Stage):
    """Enable the services and remove the copies of the payload."""

    name = "seal"
    deadline = 600
    failure = "seal-failed"
    hints = {
        "seal-failed": "the last words of the program are in the reason; run again when the cause is gone",
    }

    def apply(self, machine: Machine) -> None:
        """Enable and clean: the stage before has just looked at everything."""
        # Enabled only now: until the seal, every boot goes through the stages in their order.
        # That counts from the next boot on: nothing has to be read again now.
        machine.commands.run("systemctl", "enable", "--no-reload", *service_units(machine))
        if machine.fs.at(CLOUD_DIR).is_dir():
            _wait_for_cloud_init(machine)
            # Without its seed disc cloud-init would make a new instance, and take the
            # address away (reference trap 13).
            machine.fs.write(CLOUD_DISABLED, "disabled by Holster once this machine was ready\n")
        _remove_copies(machine)
        # They were about the delivery and PostgreSQL's first start: its data is the cluster's from now on.
        for path in (DELIVERED, BOOTSTRAP_JSON, LEAD):
            machine.fs.remove(path)

    def confirm(self, machine: Machine) -> None:
        """See that the services start at the next boot.

        Raises:
            StageFailed: one does not.
        """
        units = service_units(machine)
        # One line for each; a unit that systemd does not know has none.
        states = machine.commands.ask("systemctl", "is-enabled", *units).output.split()
        if states != ["enabled"] * len(units):
            raise StageFailed("seal-failed", f"not all of {', '.join(units)} are enabled: {' '.join(states)}")


def _wait_for_cloud_init(machine: Machine) -> None:
    """Let the last stage of cloud-init end: it needs the copies that are removed next.

    This program begins as soon as the files are written, and does not wait for it elsewhere.
    """

    def probe() -> str | None:
        is_over = not machine.fs.at(CLOUD_RUNS).exists() or machine.fs.at(CLOUD_RESULT).exists()
        return None if is_over else "cloud-init has not ended yet"

    machine.wait(probe, lambda missing: StageFailed("seal-failed", missing), interval=1.0)


def service_units(machine: Machine) -> list[str]:
    """Return the units that every later boot starts."""
    units = machine.node.units
    members = [units.storage, units.patroni, units.vip_manager] if machine.node.patroni else []
    return [units.consul, *members]


def _remove_copies(machine: Machine) -> None:
    for instance in machine.fs.entries(INSTANCES):
        for name in INSTANCE_COPIES:
            machine.fs.remove(f"{INSTANCES}/{instance}/{name}")
    for path in OTHER_COPIES:
        machine.fs.remove(path)
    for name in machine.fs.entries(INSTALLER_LOGS):
        if name.startswith("ks-script-"):
            machine.fs.remove(f"{INSTALLER_LOGS}/{name}")
