"""The bill of materials says what the guest's package manager said."""

from __future__ import annotations

from generator.build.inventory import Package, describe_materials, parse_inventory


def test_epoch_zero_is_no_epoch() -> None:
    """Rpm prints one where a package has none; Debian's stays."""
    text = "bash\t0:5.2-1.red80\tx86_64\tGPLv3+\nvim\t2:9.1-1\tamd64\t\n"
    assert parse_inventory(text) == (
        Package("bash", "5.2-1.red80", "x86_64", "GPLv3+"),
        Package("vim", "2:9.1-1", "amd64", ""),
    )


def test_packages_and_programs_are_components() -> None:
    """A program that came as a file has no package manager to speak for it, only its digest."""
    document = describe_materials(
        (Package("libstdc++6", "14.2.0-19", "amd64", ""),),
        {"consul": "a" * 64},
        image="trio.qcow2",
        image_sha256="b" * 64,
        family="deb",
        os_id="debian",
    )
    package, program = document["components"]
    assert package["purl"] == "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64"
    assert program["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert document["metadata"]["component"]["hashes"][0]["content"] == "b" * 64
