"""The cluster as Patroni shows it (GET /cluster).

In: the JSON text.  Out: a ObservedCluster.  Pure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

LEADERS: Final = frozenset({"leader", "master", "standby_leader"})
SERVING: Final = frozenset({"running", "streaming"})


@dataclass(frozen=True, slots=True)
class MemberView:
    """One member; `lag` in bytes, None where Patroni does not know it."""

    name: str
    role: str
    state: str
    host: str
    lag: int | None
    timeline: int | None

    @property
    def is_serving(self) -> bool:
        """Whether PostgreSQL runs there as it should."""
        return self.state in SERVING


@dataclass(frozen=True, slots=True)
class ObservedCluster:
    """All members, and who leads."""

    leader: str | None
    members: dict[str, MemberView]

    @property
    def replicas(self) -> tuple[MemberView, ...]:
        """The members that do not lead."""
        return tuple(member for member in self.members.values() if member.name != self.leader)


def parse_view(text: str) -> ObservedCluster:
    """Return the view in `text`.

    Raises:
        ValueError: it is no answer of Patroni.
    """
    try:
        members = {
            str(item["name"]): MemberView(
                name=str(item["name"]),
                role=str(item.get("role", "")),
                state=str(item.get("state", "")),
                host=str(item.get("host", "")),
                lag=item["lag"] if isinstance(item.get("lag"), int) else None,
                timeline=item.get("timeline"),
            )
            for item in json.loads(text)["members"]
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an answer of Patroni: {error}") from None
    leader = next((name for name, member in members.items() if member.role in LEADERS), None)
    return ObservedCluster(leader, members)
