"""The clusters of the scenarios, each derived from an example so that the example is what is proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from generator.check import CheckedSpec, check_spec

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"


def read_example(name: str) -> dict[str, Any]:
    """Return an example as plain data."""
    data: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text("utf-8"))
    return data


def check(data: dict[str, Any]) -> CheckedSpec:
    """Return the checked spec of plain data.

    Raises:
        SpecInvalid: with all its problems.
    """
    return check_spec(yaml.safe_dump(data, sort_keys=False).encode(), f"{data['cluster']}.yaml")


def trio() -> CheckedSpec:
    """Return the example `trio`, byte for byte."""
    path = EXAMPLES / "trio.yaml"
    return check_spec(path.read_bytes(), path.name)


def sirius() -> CheckedSpec:
    """Return the seed's cluster on the platform that the lab can boot.

    Addresses, names, roles, sizes and the card's name stay.  Not kept: the time server, which
    the closed network does not have; more than one processor each; /dev/sdb and /dev/sdc,
    because this platform's kernel gives the letters in another order at every boot (Holster
    warns of that, and refuses rather than take the wrong disk).
    """
    data = read_example("sirius")
    data["platform"] = "debian13"
    del data["network"]["ntp"]
    for role in ("data", "wal"):
        data["storage"][role]["disk"] = {"serial": f"holster-{role}"}
    for group in data["groups"].values():
        for node in group["nodes"]:
            node["cpus"] = 1
    return check(data)


ODD_SERVER: Final = "odd0"
SWAPPED: Final = "odd1"
FOREIGN: Final = "odd2"
WRONG_KEY: Final = "odd3"


def odd() -> CheckedSpec:
    """Return the cluster of the scenarios 7, 8 and 11: a server, and three members with a peculiarity each.

    A single Consul server on a machine of its own: the wrong gossip key of scenario 11 must
    not be that of a server whose vote the others need.
    """
    data = read_example("trio")
    data["cluster"] = "odd"
    data["consul"] = {"allow_single_server": True}
    names = (SWAPPED, FOREIGN, WRONG_KEY)
    data["groups"] = {
        "odd_server": {
            "roles": ["consul-server"],
            "nodes": [_node(ODD_SERVER, 10, "512MiB")],
        },
        "odd_members": {
            "roles": ["postgres"],
            "nodes": [_node(name, number, "1GiB") for number, name in enumerate(names, 11)],
        },
    }
    return check(data)


def _node(name: str, number: int, memory: str) -> dict[str, Any]:
    return {
        "name": name,
        "address": f"10.77.0.{number}",
        "mac": f"52:54:00:77:01:{number}",
        "memory": memory,
        "cpus": 1,
    }
