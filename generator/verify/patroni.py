"""Patroni's configuration: read by Patroni, then by the arithmetic that it only warns of."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import yaml

from generator.tools import programs
from generator.tools.patroni import check_patroni_config
from generator.verify.check import OwnCheck, ToolCheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.verify.check import Check
    from generator.verify.context import Context
    from generator.verify.output import NodeOutput


def _find_waldir(options: list[Any]) -> str | None:
    return next(
        (str(item["waldir"]) for item in options if isinstance(item, dict) and "waldir" in item), None
    )


def judge_rules(config: dict[str, Any], node: NodeOutput) -> list[str]:
    """Say which rules of reference notes §8 (P1, P2, P4, P7) the configuration breaks."""
    dcs = config["bootstrap"]["dcs"]
    postgresql = config["postgresql"]
    complaints = []
    if dcs["loop_wait"] + 2 * dcs["retry_timeout"] > dcs["ttl"]:
        complaints.append("loop_wait + 2 * retry_timeout is more than ttl: Patroni changes them by itself")
    if config["name"] != node.name:
        complaints.append(f"name is {config['name']} instead of {node.name}")
    for section in ("postgresql", "restapi"):
        address = str(config[section]["connect_address"]).rpartition(":")[0]
        if address != node.address:
            complaints.append(f"{section}.connect_address is {address} instead of {node.address}")
    initdb = _find_waldir(config["bootstrap"].get("initdb", []))
    basebackup = _find_waldir(postgresql.get("basebackup", []))
    if initdb != basebackup:
        complaints.append(f"initdb puts WAL into {initdb}, basebackup into {basebackup}")
    mounts = {volume["role"]: volume["mount"] for volume in node.facts["storage"]["volumes"]}
    for role, path in (("data", postgresql["data_dir"]), ("wal", initdb or "")):
        if not str(path).startswith(f"{mounts[role]}/"):
            complaints.append(f"{path or 'the WAL folder'} is not below the mount {mounts[role]}")
    return complaints


def _judge_rules(path: Path, node: NodeOutput) -> list[str]:
    try:
        return judge_rules(yaml.safe_load(path.read_bytes()), node)
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        return [f"cannot be read: {type(error).__name__}"]


def _judge_patroni(context: Context, path: Path, tool: Tool) -> tuple[str, ...]:
    return check_patroni_config(tool, path, secrets=context.secrets.values)


def plan_patroni(context: Context) -> Iterator[Check]:
    """Plan the checks of every member."""
    for node in context.output.nodes:
        if not node.is_member:
            continue
        path = node.payload(node.facts["patroni"]["config"])
        label = context.output.label(path)
        yield ToolCheck("patroni", label, programs.PATRONI, partial(_judge_patroni, context, path))
        yield OwnCheck("patroni-rules", label, partial(_judge_rules, path, node))
