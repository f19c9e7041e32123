"""Seeds of the lab: a new instance, and a seed that asks for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generator.errors import OutputRejected
from generator.lab.seeds import make_empty_seed, renew_seed
from generator.layout import META_DATA, NETWORK_CONFIG, SEED_LABEL, USER_DATA
from generator.pack.seed import pack_seed, read_seed

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    USER_DATA: b'#cloud-config\nwrite_files:\n- content: {"instance_id": "demo-pg1-0123"}\n',
    META_DATA: b"# made by a test\ninstance-id: demo-pg1-0123\nlocal-hostname: pg1\n",
    NETWORK_CONFIG: b"version: 2\n",
}


def write_seed(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    """Write a seed disc."""
    path = folder / "seed.iso"
    path.write_bytes(pack_seed(files, SEED_LABEL))
    return path


def test_renewed_seed_is_another_instance_everywhere(tmp_path: Path) -> None:
    """cloud-init and node.json must agree: the marker of the first boot names the instance."""
    target = tmp_path / "new.iso"
    renew_seed(write_seed(tmp_path), target)
    seed = read_seed(target)
    assert seed.label == SEED_LABEL
    name = seed.files[META_DATA].split(b"instance-id: ")[1].split(b"\n")[0]
    assert name.startswith(b"demo-pg1-0123-")
    assert b'"%s"' % name in seed.files[USER_DATA]
    assert seed.files[NETWORK_CONFIG] == FILES[NETWORK_CONFIG]
    assert target.stat().st_mode & 0o077 == 0


def test_every_renewal_is_another_one(tmp_path: Path) -> None:
    """A machine may be rebuilt twice."""
    source = write_seed(tmp_path)
    for name in ("one", "two"):
        renew_seed(source, tmp_path / name)
    assert read_seed(tmp_path / "one").files[META_DATA] != read_seed(tmp_path / "two").files[META_DATA]


def test_seed_without_an_instance_is_refused(tmp_path: Path) -> None:
    """It would be renewed in vain."""
    with pytest.raises(OutputRejected, match="no instance id"):
        renew_seed(write_seed(tmp_path, {META_DATA: b"local-hostname: pg1\n"}), tmp_path / "new")


def test_empty_seed_has_the_network_and_nothing_else(tmp_path: Path) -> None:
    """Without the network cloud-init waits for a DHCP server, and the bare boot looks slower than it is."""
    target = tmp_path / "empty.iso"
    make_empty_seed(write_seed(tmp_path), target, "pg1")
    seed = read_seed(target)
    assert seed.files[USER_DATA] == b"#cloud-config\n{}\n"
    assert seed.files[NETWORK_CONFIG] == FILES[NETWORK_CONFIG]
    assert b"write_files" not in b"".join(seed.files.values())
