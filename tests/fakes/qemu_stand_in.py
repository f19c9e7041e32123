"""A machine of the lab with a program in QEMU's place that says what a guest would say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from generator.lab.machine import Engine, VirtualMachine
from generator.lab.network import Cable
from generator.lab.qemu_arguments import DiskPart, MachinePlan
from generator.tools.programs import QEMU, SSH
from generator.tools.qemu import Accelerator
from generator.tools.ssh import Connection, Target
from generator.tools.toolbox import Tool

if TYPE_CHECKING:
    from pathlib import Path

STAND_IN = """
import json, socket, sys, time
words = dict(zip(sys.argv, sys.argv[1:]))
console = words["-chardev"].split("path=")[1].split(",")[0]
with open(console, "a") as stream:
    stream.write(open({script!r}).read())
if {fails!r}:
    sys.exit("qemu: no such disk")
server = socket.socket(socket.AF_UNIX)
server.bind(words["-qmp"].split(":")[1].split(",")[0])
server.listen()
while True:
    stream = server.accept()[0].makefile("rw")
    stream.write('{{"QMP": {{}}}}\\n')
    stream.flush()
    for line in stream:
        asked = json.loads(line)
        if asked["execute"] == "set_link" and asked["arguments"]["name"] != "nic0":
            answer = {{"error": {{"desc": "Device not found"}}}}
        else:
            answer = {{"return": asked}}
        stream.write('{{"event": "SOMETHING"}}\\n' + json.dumps(answer) + "\\n")
        stream.flush()
"""


class Bench:
    """A machine and what its guest says at each power on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = folder / "script"
        self.script.write_text("Linux version 6.12\n")
        disks = tuple(DiskPart(role, folder / role, "raw") for role in ("root", "data", "wal"))
        for disk in disks:
            disk.path.write_bytes(bytes(1 << 16))
        plan = MachinePlan(
            name="pg1",
            memory_mib=512,
            cpus=1,
            mac="52:54:00:00:00:01",
            interface=None,
            cable=Cable(1, 2),
            disks=disks,
            seed=folder / "seed.iso",
            boot=None,
            firmware="bios",
            console=folder / "console.log",
            monitor=folder / "m",
        )
        engine = Engine(Tool(QEMU, self.write_program(), None), Accelerator("tcg", "max", "as asked"))
        target = Target("pg1", "127.0.0.1", 1, "holster", folder / "key", folder / "known", folder / "s")
        ssh = Tool(SSH, self._write(folder / "ssh", "import sys; sys.exit('nobody answers')"), None)
        self.machine = VirtualMachine(plan, engine, Connection(ssh, target, folder / "ssh.log"))

    def write_program(self, *, fails: bool = False) -> Path:
        """Write the program that stands in for QEMU."""
        return self._write(self.folder / "qemu", STAND_IN.format(script=str(self.script), fails=fails))

    @staticmethod
    def _write(path: Path, code: str) -> Path:
        path.write_text(f"#!{sys.executable}\n{code}\n")
        path.chmod(0o755)
        return path
