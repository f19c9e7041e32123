"""World-wide names and serial numbers: many spellings, one form; the same on the machine and in the spec."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from generator.node.storage import identities
from generator.spec.disk_ids import DiskSerial, DiskWwn, find_wwn, normalise_serial, normalise_wwn

NAA, EUI = "600508b1001c0000000000000000aa01", "0025388b71b1a2c3"
SPELLINGS = {
    f"0x{NAA}": NAA,
    f"0X{NAA.upper()}": NAA,
    f"naa.{NAA}": NAA,
    f"3{NAA}": NAA,
    NAA: NAA,
    "0x5000c500a1b2c3d4": "5000c500a1b2c3d4",
    "35000c500a1b2c3d4": "5000c500a1b2c3d4",
    f"eui.{EUI}": EUI,
    f"EUI.{EUI.upper()}": EUI,
    f"2{EUI}": EUI,
    "uuid.7c1e2f4a-0b7d-4e64-9b0c-1a2b3c4d5e6f": "7c1e2f4a0b7d4e649b0c1a2b3c4d5e6f",
    "nvme.15ad-564d576172652056-564d77617265-00000001": "15ad564d576172652056564d7761726500000001",
}
WWN_FORMS = tuple(SPELLINGS)


@pytest.mark.parametrize("form", WWN_FORMS)
def test_every_form_of_a_wwn_has_the_same_digits(form: str) -> None:
    """As lsblk, the kernel's wwid, multipath and people write it; the form itself is a fixed point."""
    assert TypeAdapter(DiskWwn).validate_python(form) == SPELLINGS[form]
    assert normalise_wwn(SPELLINGS[form]) == SPELLINGS[form]


WORDS = st.from_regex(r"[23]?(0x|naa\.|eui\.|uuid\.|nvme\.)?[0-9A-Fa-f -]{0,40}", fullmatch=True)


@given(WORDS | st.text(max_size=40))
def test_the_machine_has_the_same_form(text: str) -> None:
    """The program of the first boot imports nothing of the generator: the two must not part."""
    assert identities.normalise_wwn(text) == normalise_wwn(text)
    assert identities.normalise_serial(text) == normalise_serial(text)


def test_a_serial_is_as_udev_shows_it() -> None:
    """Spaces at the ends go, those within become one underscore."""
    assert TypeAdapter(DiskSerial).validate_python("  VMware NVME_0000 ") == "VMware NVME_0000"
    assert normalise_serial("VMware  NVME_0000") == normalise_serial("VMware_NVME_0000") == "VMware_NVME_0000"


@pytest.mark.parametrize(
    ("path", "wwn"),
    [
        (f"wwn-0x{NAA}", NAA),
        (f"scsi-3{NAA}", NAA),
        (f"dm-uuid-mpath-3{NAA}", NAA),
        (f"nvme-eui.{EUI}", EUI),
        ("nvme-VMware_Virtual_NVMe_Disk_VMware_NVME_0000", None),
        ("scsi-0QEMU_QEMU_HARDDISK_data", None),
        ("ata-ST1000_S1", None),
    ],
)
def test_a_name_that_udev_made_of_a_wwn_says_it(path: str, wwn: str | None) -> None:
    """Other names tell a model and a serial number."""
    assert find_wwn(f"/dev/disk/by-id/{path}") == wwn
