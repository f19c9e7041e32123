"""The stages of the first boot, in their order.

In: the machine.  Out: one more thing that is as `node.json` wants it, or a cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.node.stages.acl import AclStage
from generator.node.stages.clock_sync import TimeStage
from generator.node.stages.consul import AgentStage, ConsulStage
from generator.node.stages.patroni import PatroniStage
from generator.node.stages.preflight import PreflightStage
from generator.node.stages.seal import SealStage
from generator.node.stages.storage import StorageStage
from generator.node.stages.system import SystemStage
from generator.node.stages.verify import VerifyStage
from generator.node.stages.vip import VipStage

if TYPE_CHECKING:
    from generator.node.stage import Stage

_LATER: tuple[Stage, ...] = (
    TimeStage(),
    SystemStage(),
    AgentStage(),
    StorageStage(),
    ConsulStage(),
    AclStage(),
    PatroniStage(),
    VipStage(),
    VerifyStage(),
    SealStage(),
)
STAGES: tuple[Stage, ...] = (PreflightStage(_LATER), *_LATER)
