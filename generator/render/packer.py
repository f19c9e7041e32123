"""What Packer needs to build the golden image of a cluster; nothing in it is secret."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from generator.layout import PACKER, NodePaths
from generator.render.environment import list_static, read_static
from generator.render.image_check import list_configurations, list_service_units, render_expectations
from generator.render.payload import render_repository
from generator.render.rendered import RenderedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import BootCommand
    from generator.render.cluster_view import ClusterView
    from generator.resolve.cluster import ResolvedCluster

KICKSTART_ARGUMENT = (
    "inst.text console=tty0 console=ttyS0 inst.ks=hd:LABEL=OEMDRV:/image.ks inst.nosave=all_ks"
)
"""The serial console is a file of the build: it alone can tell why an installation stopped."""
IMAGE_DISK = "/dev/sda"
"""The disk of the machine that builds: virtio-scsi gives it this name."""

HYGIENE = "90"
"""Scripts from this number on take the build's traces away."""
REMOTE = "/dev/shm"  # noqa: S108 -- on the machine that is built: memory, so nothing of it stays on the disk
ARTIFACTS = "/run/holster-artifacts"

BAKED_UNIT = f"files/usr/lib/systemd/system/{NodePaths.firstboot_unit}"
"""Known from the start of a boot: it runs as soon as the seed's files are there."""
CLOUD_CFG = "files/etc/cloud/cloud.cfg.d/99-holster.cfg"


def _describe_environment(cluster: ResolvedCluster) -> dict[str, str]:
    """Return what the scripts of `packer/scripts` are told."""
    facts = cluster.platform
    paths = facts.paths
    files = [
        f"{name}|{path}|{component.url or ''}|{component.sha256 or ''}|{component.version}"
        for name, path, component in (
            ("consul", paths.consul_binary, cluster.consul),
            ("vip-manager", paths.vip_manager_binary, cluster.vip_manager),
        )
        if component.source == "artifact"
    ]
    return {
        "HOLSTER_FILES": f"{REMOTE}/files",
        "HOLSTER_CHECK": f"{REMOTE}/check",
        "HOLSTER_INVENTORY": f"{REMOTE}/inventory.tsv",
        "HOLSTER_ARTIFACTS": ARTIFACTS,
        "HOLSTER_FAMILY": facts.family,
        "HOLSTER_NODE_PROGRAM": NodePaths.node_program,
        "HOLSTER_UNITS": " ".join(list_service_units(cluster)),
        "HOLSTER_ENABLED_UNITS": NodePaths.firstboot_unit,
        "HOLSTER_PROGRAM_FILES": " ".join(files),
        "HOLSTER_LOCALES": " ".join(cluster.locales),
        "HOLSTER_PATRONI": paths.patroni_binary if cluster.patroni.source == "artifact" else "",
        "HOLSTER_PYTHON": facts.python,
        "HOLSTER_WHEELS": " ".join(wheel.replace(" sha256:", "|") for wheel in cluster.patroni.wheels),
        "HOLSTER_WHEELS_HOME": NodePaths.wheels_home,
        "HOLSTER_CONSUL_USER": facts.users.consul,
        "HOLSTER_CONSUL_CONFIG": paths.consul_config_dir,
        "HOLSTER_CONSUL_DATA": paths.consul_data_dir,
        "HOLSTER_POSTGRES_HOME": facts.users.postgres_home,
        "HOLSTER_CONFIGS": " ".join(list_configurations(cluster)),
    }


class ImageView:
    """The image as templates see it."""

    def __init__(self, cluster: ResolvedCluster) -> None:
        image, facts = cluster.spec.image, cluster.platform
        self._release = image.release or facts.image.default_release
        self._firmware = image.firmware
        self.is_uefi = image.firmware == "uefi"
        self._commands: tuple[BootCommand, ...] = facts.image.boot_commands
        known = facts.image.isos.get(self._release or "")
        self.iso_url = image.iso_url or (known.url if known else None)
        self.iso_checksum = (
            image.iso_checksum or (known.checksum if known and not image.iso_url else None) or "none"
        )
        self.has_iso = facts.kickstart is not None and self.iso_url is not None
        self.base_image = image.base_image or "base.qcow2"
        self.base_checksum = image.base_checksum or "none"
        self.has_base = image.base_image is not None or not self.has_iso
        self.cpus, self.memory = image.cpus, image.memory
        self.disk_size = f"{image.disk_size}M"
        self.output_directory = f"image-{cluster.name}"
        self.image_name = f"{cluster.name}-{facts.name}.qcow2"
        self.environment = tuple(f"{name}={value}" for name, value in _describe_environment(cluster).items())
        self.remote, self.inventory = REMOTE, f"{REMOTE}/inventory.tsv"
        names = [PurePosixPath(path).name for path in list_static("packer/scripts")]
        # Between them the list of packages is fetched: after hygiene nobody can log in any more.
        self.first_scripts = tuple(name for name in names if name < HYGIENE)
        self.last_scripts = tuple(name for name in names if name >= HYGIENE)

    @property
    def sources(self) -> tuple[str, ...]:
        """The ways to an image that this platform and spec allow."""
        ways = [("source.qemu.iso", self.has_iso), ("source.qemu.base", self.has_base)]
        return tuple(name for name, has in ways if has)

    @property
    def _boot(self) -> BootCommand | None:
        fitting = [command for command in self._commands if command.firmware == self._firmware]
        exact = [command for command in fitting if self._release in command.releases]
        return next(iter(exact or fitting), None)

    @property
    def boot_wait(self) -> str:
        """How long the menu needs."""
        return self._boot.wait if self._boot else "10s"

    @property
    def boot_keys(self) -> tuple[str, ...]:
        """The keys that start the installer with our kickstart (platform notes §1.4)."""
        keys = self._boot.keys if self._boot else ("<up><wait><tab>", " {{ks}}", "<enter>")
        return tuple(key.replace("{{ks}}", KICKSTART_ARGUMENT) for key in keys)


def _file(name: str, content: bytes) -> RenderedFile:
    return RenderedFile(PurePosixPath(PACKER, name), content)


def _static_files(image: ImageView) -> Iterator[RenderedFile]:
    left_out = {
        f"packer/source-{kind}.pkr.hcl"
        for kind, has in (("iso", image.has_iso), ("base", image.has_base))
        if not has
    }
    for path in list_static("packer"):
        if path not in left_out and path.endswith((".hcl", ".sh")):
            yield _file(path.removeprefix("packer/"), read_static(path))
    yield _file("check/image-check.py", read_static("packer/image-check.py"))


def render_packer(
    cluster: ResolvedCluster, view: ClusterView, node_program: bytes | None = None
) -> tuple[RenderedFile, ...]:
    """Return the files of `packer/`: hand-written ones as they are, generated ones beside them.

    `node_program` is the first-boot program, which the image carries.
    """
    image = ImageView(cluster)

    def fill(template: str) -> bytes:
        return view.render(f"packer/{template}", image=image, disk=IMAGE_DISK).encode()

    files = list(_static_files(image))
    files.append(_file("variables.pkr.hcl", fill("variables.pkr.hcl")))
    files.append(_file("build.pkr.hcl", fill("build.pkr.hcl")))
    files.append(_file(CLOUD_CFG, fill("cloud.cfg")))
    # Known from the start of a boot: no first boot has to start the journal anew.
    journal = view.render("payload/journald.conf")
    files.append(_file(f"files{NodePaths.journald_config}", journal.encode()))
    files.append(_file("check/expected.json", render_expectations(cluster)))
    if image.has_iso:
        files.append(_file("image.ks", fill("image.ks")))
    if image.has_base:
        files += [_file(f"base-seed/{name}", fill(name)) for name in ("user-data", "meta-data")]
    if node_program is not None:
        files.append(_file(f"files{NodePaths.node_program}", node_program))
        unit = view.render(f"payload/{NodePaths.firstboot_unit}")
        files.append(_file(BAKED_UNIT, unit.encode()))
    for repository in view.repositories:
        file = render_repository(repository, view, cluster.platform)
        files.append(_file(f"files{file.path}", file.content))
    return tuple(files)
