"""The matrix beside the examples as they are: settings, and the faults to which they make a difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.matrix.run import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.matrix.programs import VipManager


@dataclass(frozen=True)
class Setting:
    """What differs from an example; each setting of each example is a cluster of its own.

    Attributes:
        name: in names of tests; empty for the example as it is.
        words: for people.
        spec: keys of the spec, laid over the example's (a mapping over a mapping, one level deep).
        vip_mode: vip-manager's mode, None for the default of its version.
        vip_manager: another vip-manager than that of the other settings.
        faults: example -> what is tried on it; examples that are not named have no such cluster.
    """

    name: str
    words: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    vip_mode: str | None = None
    vip_manager: VipManager | None = None
    faults: Mapping[str, tuple[Scenario, ...]] = field(default_factory=dict)

    def place(self, example: str) -> str:
        """Return the name of the cluster that an example becomes."""
        return f"{example}-{self.name}" if self.name else example


PLAIN: Final = Setting("", "as it is")

SERVERS: Final = Scenario("servers", "primary", 40)
AGENT: Final = Scenario("agent", "primary", 40)
PATRONI: Final = Scenario("patroni", "primary", 40)
RESTART: Final = Scenario("restart", "raft", 5)

OF_VIP_MANAGER: Final = (
    RESTART,
    Scenario("power", "raft", 22),
    SERVERS,
    Scenario("cable", "primary", 40),
    AGENT,
    PATRONI,
)
"""Consul silent for an election and for long, no address of the machine's own, agent and Patroni hung."""

SETTINGS: Final = (
    Setting(
        "failsafe-off",
        "failsafe mode off",
        spec={"patroni": {"failsafe_mode": False}},
        faults={
            "trio": (SERVERS, Scenario("link", "both", 40), AGENT, RESTART),
            "sirius": (SERVERS, AGENT, RESTART),
        },
    ),
    Setting(
        "asynchronous",
        "durability asynchronous",
        spec={"durability": "asynchronous"},
        faults={
            "trio": (
                Scenario("link", "primary", 40),
                PATRONI,
                Scenario("power", "primary", 40),
                Scenario("paused", "primary", 40),
            )
        },
    ),
    Setting(
        "vip-consul",
        "vip-manager in mode consul",
        vip_mode="consul",
        faults={"trio": OF_VIP_MANAGER, "sirius": OF_VIP_MANAGER},
    ),
    Setting(
        "vip-consul-failsafe-off",
        "vip-manager in mode consul, failsafe mode off",
        spec={"patroni": {"failsafe_mode": False}},
        vip_mode="consul",
        faults={"trio": (AGENT,)},
    ),
)


def compare(programs: Sequence[VipManager]) -> Iterator[Setting]:
    """Yield a setting for each mode of each vip-manager that is to be compared."""
    for program in programs:
        for mode in program.modes:
            yield Setting(
                f"vip-{program.version}-{mode}",
                f"vip-manager {program.version} in mode {mode}",
                vip_mode=mode,
                vip_manager=program,
                faults={"trio": OF_VIP_MANAGER},
            )
