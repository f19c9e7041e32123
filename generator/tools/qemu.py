"""QEMU: which accelerator really works here, and what a disk image holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed, ToolMissing
from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool

PROBE_DEADLINE_S: Final = 20.0
EXIT_PORT: Final = 0xF4
EXIT_WORD: Final = 0x10
UEFI_FIRMWARE: Final = "/usr/share/ovmf/OVMF.fd"
KERNEL_ARGUMENTS: Final = "root=LABEL=holster-root ro console=ttyS0"
"""Of an image without a boot loader, whose kernel QEMU starts; packer/make-debian-base sets the label."""
SOFTWARE_CPU: Final = "max,-cx16,-la57"
"""QEMU 7.2 emulates cmpxchg16b wrongly: a kernel that uses it dies early (lab notes)."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """How guests run: `kvm` or `tcg`, the model of the processor, and why."""

    name: str
    cpu: str
    reason: str


def make_boot_sector() -> bytes:
    """Return a boot sector that ends QEMU through isa-debug-exit: mov al, 0x10; out 0xf4, al; hlt."""
    code = bytes((0xB0, EXIT_WORD, 0xE6, EXIT_PORT, 0xF4))
    return code.ljust(510, b"\0") + b"\x55\xaa"


def probe_accelerator(qemu: Tool, scratch: Path, kernel: Path | None = None) -> Accelerator:
    """Return hardware virtualisation where a guest really runs with it, else software emulation.

    That /dev/kvm opens proves nothing: here and there it makes a machine that a stock
    kernel cannot run on.  So the kernel of the base image boots until it misses its
    disk, or, without one, a boot sector ends the machine.
    """
    argv: list[str | Path] = [qemu.path, "-machine", "accel=kvm", "-cpu", "host", "-m", "512"]
    argv += ["-display", "none", "-no-reboot", "-nodefaults", "-serial", "stdio"]
    if kernel is None:
        sector = scratch / "probe.img"
        sector.write_bytes(make_boot_sector())
        argv += ["-drive", f"file={sector},format=raw,if=ide"]
        argv += ["-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=1"]
    else:
        argv += ["-kernel", kernel, "-append", "console=ttyS0 panic=-1"]
    try:
        answer = run(
            Command(
                argv, purpose="probe for hardware virtualisation", timeout_s=PROBE_DEADLINE_S, accepted=None
            )
        )
    except (ToolFailed, ToolMissing) as error:
        return Accelerator("tcg", SOFTWARE_CPU, error.message.splitlines()[0])
    if kernel is None:
        works = answer.exit_code == EXIT_WORD << 1 | 1
    else:
        works = answer.exit_code == 0 and "Kernel panic - not syncing" in answer.stdout
    if works:
        return Accelerator("kvm", "host", "a probe ran with it")
    said = answer.stderr.strip().splitlines()
    return Accelerator("tcg", SOFTWARE_CPU, said[0] if said else "a probe did not run to its end")


def convert_to_raw(qemu_img: Tool, image: Path, raw: Path) -> None:
    """Write the disk of `image` as a sparse raw file."""
    run(
        Command(
            [qemu_img.path, "convert", "-O", "raw", image, raw],
            purpose=f"unpack {image.name}",
            timeout_s=1800,
        )
    )


def make_overlay(qemu_img: Tool, base: Path, target: Path) -> None:
    """Write a disk that shows `base` and keeps what is changed; `base` is not touched.

    Raises:
        ToolFailed: `base` is no qcow2 image.
    """
    run(
        Command(
            [qemu_img.path, "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, target],
            purpose=f"make a disk from {base.name}",
        )
    )


def read_format(qemu_img: Tool, image: Path) -> tuple[str, int]:
    """Return the format of a disk image and the size of its disk in bytes.

    Raises:
        ToolFailed: it is no disk image.
    """
    answer = run(
        Command([qemu_img.path, "info", "--output=json", image], purpose=f"read the disk image {image.name}")
    )
    facts = json.loads(answer.stdout)
    return str(facts["format"]), int(facts["virtual-size"])
