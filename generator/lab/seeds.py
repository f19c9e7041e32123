"""Seeds that no render makes: that of a rebuilt machine, and one that asks for nothing."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from generator.errors import OutputRejected
from generator.layout import META_DATA, NETWORK_CONFIG, SEED_LABEL, USER_DATA
from generator.pack.seed import pack_seed, read_seed

if TYPE_CHECKING:
    from pathlib import Path

_INSTANCE: Final = re.compile(rb"^instance-id: (\S+)$", re.MULTILINE)
EMPTY_USER_DATA: Final = b"#cloud-config\n{}\n"


def renew_seed(source: Path, target: Path) -> None:
    """Write the seed of `source` with another instance id: for cloud-init it is another machine."""
    files = read_seed(source).files
    found = _INSTANCE.search(files[META_DATA])
    if found is None:
        raise OutputRejected(f"{source} has no instance id")
    renewed = found[1] + b"-" + secrets.token_hex(4).encode()
    _write(target, {name: text.replace(found[1], renewed) for name, text in files.items()})


def make_empty_seed(source: Path, target: Path, name: str) -> None:
    """Write a seed that asks for nothing but the network of `source`.

    Without one, cloud-init waits for a DHCP server.
    """
    files = {
        USER_DATA: EMPTY_USER_DATA,
        META_DATA: f"instance-id: bare-{name}\nlocal-hostname: {name}\n".encode(),
        NETWORK_CONFIG: read_seed(source).files[NETWORK_CONFIG],
    }
    _write(target, files)


def _write(target: Path, files: dict[str, bytes]) -> None:
    target.touch(mode=0o600)
    target.write_bytes(pack_seed(files, SEED_LABEL))
