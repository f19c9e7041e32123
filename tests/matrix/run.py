"""One scenario: aim, watch, break, wait, heal, and reckon."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from tests.matrix import reckoning
from tests.matrix.faults import FAULTS, aim, wait
from tests.matrix.site import NotWhole
from tests.matrix.watch import Watch

if TYPE_CHECKING:
    from tests.matrix.reckoning import Stretch
    from tests.matrix.site import Site

BEFORE_S: Final = 2.0
AFTER_ROWS: Final = 20


@dataclass(frozen=True)
class Scenario:
    """One fault at one place for some time."""

    fault: str
    target: str
    seconds: int

    @property
    def id(self) -> str:
        """A short name."""
        return f"{self.fault}-{self.target}-{self.seconds}"


@dataclass
class Figures:
    """What a scenario showed; times in seconds.

    Attributes:
        primaries_s: how long two machines said that they are writable primaries.
        rival_rows: rows that a machine acknowledged although another one already had begun to.
        owners_s: how long two machines had the virtual address, both within reach of somebody.
        rows: acknowledged in all.
        lost: acknowledged, and not there in the end.
        lost_from_s, lost_until_s: when the first and the last of these were acknowledged, after the fault
            (before it where negative).
        old_s: how long after the fault the first primary acknowledged rows itself, before another one did;
            None: not at all.
        silence_s: longest time without an acknowledged row for the client at the virtual address.
        silent_s: all such times of a second and more together.
        no_address_s: how long no machine had the virtual address, in all.
        key_s: when the leader key was first seen gone or with another, after the fault; None: never.
        whole_s: how long after the fault everything was whole again; None: not within the time.
        missing: what was missing then.
        primary: who led before and after.
    """

    primaries_s: float = 0.0
    rival_rows: int = 0
    owners_s: float = 0.0
    rows: int = 0
    lost: int = 0
    lost_from_s: float | None = None
    lost_until_s: float | None = None
    old_s: float | None = None
    silence_s: float = 0.0
    silent_s: float = 0.0
    no_address_s: float = 0.0
    key_s: float | None = None
    whole_s: float | None = None
    missing: str = ""
    primary: list[str] = field(default_factory=list)

    @property
    def has_moved(self) -> bool:
        """Another machine led in the end, or it is not known."""
        return len(set(self.primary)) != 1

    def to_json(self) -> dict[str, object]:
        """Return plain data, times with one digit."""
        return {
            name: round(value, 1) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def run_scenario(site: Site, scenario: Scenario) -> Figures:
    """Run a scenario on a whole site.

    Raises:
        NotWhole: the site was not whole before it began.
    """
    site.wait_until_whole()
    fault, victim = FAULTS[scenario.fault], aim(site, scenario.target)
    before = site.roles().primary
    figures = Figures()
    run = f"{scenario.id}-{time.time_ns()}"
    is_power = scenario.fault == "power"
    with Watch(site, run) as watch:
        if not watch.wait_for_rows(10, 30):
            raise NotWhole("the client's rows are not acknowledged")
        time.sleep(BEFORE_S)
        if is_power:
            watch.look_away(victim)
        begin = time.monotonic()
        heal = fault.apply(site, victim)
        wait(begin, scenario.seconds)
        heal()
        healed = time.monotonic()
        if is_power:
            watch.look(victim)
        try:
            figures.whole_s = site.wait_until_whole()
        except NotWhole as missing:
            figures.missing = str(missing)
        watch.wait_for_rows(AFTER_ROWS, 30)
        end = time.monotonic()
    off = (victim, begin, healed) if fault.is_off else None
    _reckon(figures, watch, (begin, end), off)
    name = site.roles().primary if figures.whole_s is not None else None
    figures.primary = [before, name or "?"]
    if name is not None:
        lost = _list_lost(site, name, watch)
        figures.lost = len(lost)
        if lost:
            figures.lost_from_s, figures.lost_until_s = min(lost) - begin, max(lost) - begin
    figures.old_s = reckoning.last_row_of_first(watch.seen, before, begin)
    servers = [server for server in site.servers if server != victim]
    moments = [
        moment
        for server in servers
        if (moment := reckoning.first_other(watch.seen[server].key, before, begin)) is not None
    ]
    figures.key_s = min(moments) - begin if moments else None
    return figures


def _reckon(
    figures: Figures, watch: Watch, span: tuple[float, float], off: tuple[str, float, float] | None
) -> None:
    begin, end = span
    primaries: list[Stretch] = []
    owners: list[Stretch] = []
    for name, seen in watch.seen.items():
        primaries += reckoning.list_stretches(name, seen.role, "primary")
        owners += reckoning.list_stretches(name, seen.address, "1")
    if off is not None:
        primaries = reckoning.without(primaries, *off)
        owners = reckoning.without(owners, *off)
    figures.primaries_s = reckoning.longest_double(primaries)
    figures.owners_s = reckoning.longest_double(owners)
    figures.rival_rows = reckoning.count_rival_rows(watch.seen, begin)
    rows = watch.rows()
    figures.rows = sum(len(numbers) for numbers in watch.acknowledged().values())
    figures.silence_s = reckoning.longest_silence(rows, begin, end)
    figures.silent_s = reckoning.silent_seconds(rows, begin, end)
    figures.no_address_s = reckoning.count_uncovered(owners, begin, end)


def _list_lost(site: Site, primary: str, watch: Watch) -> list[float]:
    """Return when the rows were acknowledged that the database does not have."""
    lost = []
    for run, numbers in watch.acknowledged().items():
        query = f"select number from ledger where run = '{run}'"  # noqa: S608 - a name of our own
        kept = {int(line) for line in site.sql(primary, query).split()}
        lost += [moment for number, moment in numbers.items() if number not in kept]
    return lost
