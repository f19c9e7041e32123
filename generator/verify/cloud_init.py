"""user-data and network-config, read by cloud-init."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from generator.layout import NETWORK_CONFIG, USER_DATA
from generator.tools import programs
from generator.tools.cloud_init import (
    NETWORK_SCHEMA_SINCE,
    NetworkTarget,
    check_schema,
    convert_network_config,
)
from generator.verify.check import ToolCheck
from generator.versions import VersionNumber

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.tools.toolbox import Tool
    from generator.verify.context import Context
    from generator.verify.output import NodeOutput


def _judge_network(context: Context, node: NodeOutput, renderer: str, tool: Tool) -> tuple[str, ...]:
    network = node.facts["network"]
    folder = context.make_folder("network")
    # Any name will do where it is found by MAC: the kernel decides it on the machine.
    macs = {network.get("interface") or "eth0": network["mac"]} if network.get("mac") else {}
    target = NetworkTarget(context.output.platform.cloud_init.distro, renderer, macs)
    complaints = convert_network_config(tool, node.folder / NETWORK_CONFIG, folder, target)
    if complaints:
        return complaints
    made = [path for path in folder.rglob("*") if path.is_file()]
    wanted = f"{network['address']}/{network['prefix_length']}"
    # sysconfig writes the mask on a line of its own.
    lines = {wanted, f"IPADDR={network['address']}\n"}
    texts = [path.read_text("utf-8", "replace") for path in made]
    if not any(line in text for line in lines for text in texts):
        return (f"becomes no {renderer} file with the address {wanted}",)
    return ()


def _note_renderer(renderer: str, tool: Tool) -> str:
    del tool
    return f"as {renderer}"


def _judge_user_data(context: Context, node: NodeOutput, tool: Tool) -> tuple[str, ...]:
    return check_schema(tool, node.folder / USER_DATA, secrets=context.secrets.values)


def _judge_network_schema(node: NodeOutput, tool: Tool) -> tuple[str, ...]:
    return check_schema(tool, node.folder / NETWORK_CONFIG, kind="network-config")


def _is_new(version: VersionNumber) -> bool:
    return version.at_least(NETWORK_SCHEMA_SINCE)


def _is_old(version: VersionNumber) -> bool:
    return not _is_new(version)


def plan_cloud_init(context: Context) -> Iterator[ToolCheck]:
    """Plan the checks with a newer cloud-init and, where a machine may have one, an older."""
    output = context.output
    cloud_init = programs.CLOUD_INIT
    new = (_is_new, f"{NETWORK_SCHEMA_SINCE} or newer")
    for node in output.nodes:
        user_data, network = (output.label(node.folder / name) for name in (USER_DATA, NETWORK_CONFIG))
        facts = output.platform.cloud_init
        generations = [new]
        if _is_old(VersionNumber(facts.oldest)):
            generations.append((_is_old, f"before {NETWORK_SCHEMA_SINCE}"))
        for wanted, described in generations:
            judge = partial(_judge_user_data, context, node)
            yield ToolCheck("cloud-config", user_data, cloud_init, judge, wanted, described)
            for renderer in facts.renderers:
                yield ToolCheck(
                    "network-config",
                    network,
                    cloud_init,
                    partial(_judge_network, context, node, renderer),
                    wanted,
                    described,
                    partial(_note_renderer, renderer),
                )
        yield ToolCheck("network-schema", network, cloud_init, partial(_judge_network_schema, node), *new)
