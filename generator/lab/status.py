"""What `holster-node status --json` says of one machine.

In: its text.  Out: a NodeStatus.  Pure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

SEALED: Final = "sealed"
"""State of a machine that is ready."""


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage: state, moments as ISO 8601 in UTC by the guest's clock, seconds by its steady clock."""

    name: str
    state: str
    started: str | None
    finished: str | None
    seconds: float | None
    note: str | None


@dataclass(frozen=True, slots=True)
class NodeFailure:
    """Why a first boot stopped."""

    stage: str
    cause: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """How far the first boot of a machine is; `state` is "absent" where it has not begun."""

    node: str
    state: str
    stage: str | None = None
    instance_id: str | None = None
    stages: tuple[StageStatus, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: NodeFailure | None = None

    @property
    def is_sealed(self) -> bool:
        """Whether the machine is ready."""
        return self.state == SEALED

    def seconds(self, stage: str) -> float | None:
        """Return how long a stage took, None where it did not run to its end."""
        return next((item.seconds for item in self.stages if item.name == stage), None)


def _parse_stage(data: dict[str, Any]) -> StageStatus:
    seconds = data.get("seconds")
    return StageStatus(
        name=str(data["name"]),
        state=str(data["state"]),
        started=data.get("started"),
        finished=data.get("finished"),
        seconds=None if seconds is None else float(seconds),
        note=data.get("note"),
    )


def parse_status(node: str, text: str) -> NodeStatus:
    """Return the status in `text`; "null" and an empty text mean that nothing has begun.

    Raises:
        ValueError: the text is no status.
    """
    data = json.loads(text) if text.strip() else None
    if data is None:
        return NodeStatus(node, "absent")
    try:
        failure = data.get("failure")
        return NodeStatus(
            node=node,
            state=str(data["state"]),
            stage=data.get("stage"),
            instance_id=data.get("instance_id"),
            stages=tuple(_parse_stage(stage) for stage in data["stages"]),
            warnings=tuple(str(text) for text in data.get("warnings", ())),
            failure=None
            if failure is None
            else NodeFailure(*(str(failure.get(key)) for key in ("stage", "cause", "reason", "hint"))),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a status of holster-node: {error}") from None
