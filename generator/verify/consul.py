"""Consul's configuration: read by a Consul of its dialect, then judged by rules of our own.

The rules are those that `consul validate` does not know (reference notes §1.1, §8).
"""

from __future__ import annotations

import base64
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from generator.tools import programs
from generator.tools.consul import check_consul_config
from generator.verify.check import OwnCheck, ToolCheck
from generator.verify.hcl import HclInvalid, drop_attribute, get_block, parse_hcl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.verify.check import Check
    from generator.verify.context import Context
    from generator.verify.output import NodeOutput
    from generator.versions import VersionNumber

NEW_DIALECT: Final = "1.12"
OLD_DIALECT: Final = "1.8"
GOSSIP_KEY_BYTES: Final = 32
SHORTEST_RECONNECT_H: Final = 8

NEWER_KEYS: Final = (
    ("grpc_tls", "1.14"),
    ("server_rejoin_age_max", "1.15"),
    ("disable_kv_key_validation", "1.22"),
)
"""Keys that a Consul older than this refuses as unknown, which says nothing about the
declared one.  They are left out of the copy that an older Consul reads."""

_HOURS: Final = {"h": 1.0, "m": 1 / 60, "s": 1 / 3600}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([hms])")


def _is_new(version: VersionNumber) -> bool:
    return version.at_least(NEW_DIALECT)


def _is_old(version: VersionNumber) -> bool:
    return version.at_least(OLD_DIALECT) and not version.at_least(NEW_DIALECT)


def choose_dialect(declared: VersionNumber) -> tuple[Callable[[VersionNumber], bool], str]:
    """Return which Consul may judge a configuration for version `declared`, and that in words."""
    if _is_new(declared):
        return _is_new, f"{NEW_DIALECT} or newer"
    return _is_old, f"{OLD_DIALECT} up to 1.11"


def list_left_out(text: str, declared: VersionNumber, judge: VersionNumber | None) -> list[str]:
    """Return the keys of `text` that the declared Consul knows and the judging one does not."""
    return [
        key
        for key, since in NEWER_KEYS
        if re.search(rf"^\s*{key}\s*=", text, re.MULTILINE)
        and declared.at_least(since)
        and judge is not None
        and not judge.at_least(since)
    ]


def _list_configs(node: NodeOutput) -> list[Path]:
    folder = node.facts["consul"]["config_dir"]
    # The agent reads these two suffixes, in the order of names, without sub-folders.
    return [*node.find_payload(f"{folder}/*.hcl"), *node.find_payload(f"{folder}/*.json")]


def _judge_dialect(context: Context, node: NodeOutput, tool: Tool) -> tuple[str, ...]:
    folder = context.make_folder("consul")
    for path in _list_configs(node):
        text = path.read_text("utf-8")
        for key in list_left_out(text, node.consul_version, tool.version):
            text = drop_attribute(text, key)
        (folder / path.name).write_text(text)
    return check_consul_config(tool, folder, secrets=context.secrets.values)


def _note_dialect(node: NodeOutput, tool: Tool) -> str:
    texts = "\n".join(path.read_text("utf-8") for path in _list_configs(node))
    note = f"declared {node.consul_version}"
    if left_out := list_left_out(texts, node.consul_version, tool.version):
        note += f"; left out for {tool.label}: {', '.join(left_out)}"
    return note


def parse_hours(duration: str) -> float:
    """Return a Go duration such as `72h` or `1h30m` in hours."""
    return sum(float(number) * _HOURS[unit] for number, unit in _DURATION.findall(duration))


def load_config(node: NodeOutput) -> dict[str, Any]:
    """Return the node's configuration as Consul merges it: later files win.

    Raises:
        HclInvalid: a file is not HCL.
    """
    merged: dict[str, Any] = {}
    for path in _list_configs(node):
        if path.suffix == ".hcl":
            merged |= parse_hcl(path.read_text("utf-8"))
    return merged


def _judge_key(config: dict[str, Any]) -> Iterator[str]:
    try:
        key = base64.b64decode(str(config.get("encrypt", "")), validate=True)
    except ValueError:
        yield "encrypt is not base64"
        return
    if len(key) != GOSSIP_KEY_BYTES:
        yield f"encrypt holds {len(key)} bytes instead of {GOSSIP_KEY_BYTES}"


def _judge_addresses(config: dict[str, Any], node: NodeOutput) -> Iterator[str]:
    for key in ("bind_addr", "advertise_addr"):
        if key in config and config[key] != node.address:
            yield f"{key} is {config[key]} instead of the node's {node.address}"
    if "bind_addr" not in config:
        yield "bind_addr is missing: with two addresses Consul refuses to start"
    # Without ACL rules for strangers the HTTP interface stays on loopback.
    if config.get("client_addr", "127.0.0.1") != "127.0.0.1":
        yield f"client_addr is {config['client_addr']} instead of 127.0.0.1"


def _judge_join(config: dict[str, Any], node: NodeOutput) -> Iterator[str]:
    joined = set(config.get("retry_join") or [])
    servers = {peer["address"] for peer in node.facts["peers"] if peer["is_server"]}
    if node.address in joined:
        yield "retry_join holds the node itself: once joined to itself it never tries the others"
    if joined != servers - {node.address}:
        yield f"retry_join names {sorted(joined)}: expected {sorted(servers - {node.address})}"


def _judge_role(config: dict[str, Any], node: NodeOutput) -> Iterator[str]:
    expect = config.get("bootstrap_expect")
    servers = node.facts["consul"]["servers"]
    if bool(config.get("server")) != node.is_server:
        yield f"server is {config.get('server')} on a machine that {'is' if node.is_server else 'is not'} one"
    if node.is_server and expect != servers:
        yield f"bootstrap_expect is {expect} with {servers} servers"
    if not node.is_server and expect is not None:
        yield "bootstrap_expect on a client"
    multiplier = get_block(config, "performance").get("raft_multiplier", 1)
    if not 1 <= multiplier <= 10:  # noqa: PLR2004 - Consul's own bounds
        yield f"raft_multiplier is {multiplier}: 1 to 10"


def _judge_rest(config: dict[str, Any], node: NodeOutput) -> Iterator[str]:
    if config.get("node_name") != node.name:
        yield f"node_name is {config.get('node_name')} instead of {node.name}"
    timeout = config.get("reconnect_timeout")
    if timeout is not None and parse_hours(timeout) < SHORTEST_RECONNECT_H:
        yield f"reconnect_timeout is {timeout}: at least {SHORTEST_RECONNECT_H}h"
    # Its default is true on clients: a restart would destroy the leader key (trap 18).
    if config.get("leave_on_terminate") is not False:
        yield "leave_on_terminate is not false"


def judge_rules(node: NodeOutput) -> list[str]:
    """Say which rules the configuration breaks."""
    try:
        config = load_config(node)
    except HclInvalid as error:
        return [str(error)]
    return [
        *_judge_key(config),
        *_judge_addresses(config, node),
        *_judge_join(config, node),
        *_judge_role(config, node),
        *_judge_rest(config, node),
    ]


def _judge_gossip(context: Context) -> list[str]:
    keys = set()
    for node in context.output.nodes:
        try:
            keys.add(load_config(node).get("encrypt"))
        except HclInvalid:
            return ["a consul.hcl cannot be read"]
    return [] if len(keys) <= 1 else [f"the machines have {len(keys)} different gossip keys"]


def plan_consul(context: Context) -> Iterator[Check]:
    """Plan the checks of Consul's configuration."""
    output = context.output
    for node in output.nodes:
        label = output.label(node.payload(f"{node.facts['consul']['config_dir']}/consul.hcl"))
        wanted, described = choose_dialect(node.consul_version)
        yield ToolCheck(
            "consul",
            label,
            programs.CONSUL,
            partial(_judge_dialect, context, node),
            wanted,
            described,
            partial(_note_dialect, node),
        )
        yield OwnCheck("consul-rules", label, partial(judge_rules, node))
    yield OwnCheck("gossip", "nodes", partial(_judge_gossip, context))
