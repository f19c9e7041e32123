"""The stages of the first boot, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.firstboot.stages.acl import AclStage
from generator.firstboot.stages.clock_sync import TimeStage
from generator.firstboot.stages.consul import AgentStage, ConsulStage
from generator.firstboot.stages.patroni import PatroniStage
from generator.firstboot.stages.preflight import PreflightStage
from generator.firstboot.stages.seal import SealStage
from generator.firstboot.stages.storage import StorageStage
from generator.firstboot.stages.system import SystemStage
from generator.firstboot.stages.verify import VerifyStage
from generator.firstboot.stages.vip import VipStage

if TYPE_CHECKING:
    from generator.firstboot.stage import Stage

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
