"""Render a whole cluster: every file of its output except ISOs and the manifest.

In: a ResolvedCluster and its bundle.  Out: a RenderedTree, the same bytes for the same input.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from generator.layout import PLATFORM
from generator.render.clients import render_clients
from generator.render.cloud_init import render_meta_data, render_network, render_user_data
from generator.render.cluster_view import ClusterView
from generator.render.json_text import to_json
from generator.render.kickstart import render_kickstart
from generator.render.node_view import NodeView
from generator.render.packer import render_packer
from generator.render.payload import render_payload, to_rendered
from generator.render.rendered import RenderedFile, RenderedTree

if TYPE_CHECKING:
    from collections.abc import Collection

    from generator.credentials.bundle import CredentialBundle
    from generator.resolve.cluster import ResolvedCluster, ResolvedNode

__all__ = ["RenderedFile", "RenderedTree", "render_cluster", "render_node"]


def render_facts(cluster: ResolvedCluster) -> RenderedFile:
    """Return the platform's facts: `holster verify` asks by them, not by those of its own release."""
    return RenderedFile(PurePosixPath(PLATFORM), to_json(cluster.platform.model_dump(mode="json")))


def render_node(
    node: ResolvedNode, bundle: CredentialBundle, cluster: ClusterView, *, tool_version: str
) -> tuple[RenderedFile, ...]:
    """Return every file of one machine."""
    view = NodeView(node, bundle, cluster)
    network = render_network(view, cluster)
    boot_inputs = network.content + render_user_data(view, cluster, ()).content
    payload, instance_id = render_payload(
        node, bundle, view, boot_inputs=boot_inputs, tool_version=tool_version
    )
    files = [
        network,
        render_user_data(view, cluster, payload),
        render_meta_data(view, cluster, instance_id),
        *(to_rendered(node, file) for file in payload),
    ]
    if node.cluster.platform.kickstart is not None:
        files.append(render_kickstart(view, cluster))
    return tuple(files)


def render_cluster(
    cluster: ResolvedCluster,
    bundle: CredentialBundle,
    nodes: Collection[str] | None = None,
    *,
    tool_version: str,
    node_program: bytes | None = None,
) -> RenderedTree:
    """Return the files of a cluster, sorted by path.

    Args:
        cluster: the cluster, complete.
        bundle: its secrets.
        nodes: names of the machines to render; None means all.  What belongs to the
            cluster itself is always rendered.
        tool_version: Holster's version, recorded in node.json.
        node_program: the first-boot program, which goes into the image; None leaves it out.
    """
    view = ClusterView(cluster, bundle)
    files = [
        *render_packer(cluster, view, node_program),
        render_facts(cluster),
        *render_clients(cluster, bundle, view),
    ]
    for node in cluster.nodes:
        if nodes is None or node.name in nodes:
            files.extend(render_node(node, bundle, view, tool_version=tool_version))
    return RenderedTree(cluster.name, tuple(sorted(files, key=lambda file: file.path)))
