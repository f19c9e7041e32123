"""The NoCloud seed of a node: user-data, meta-data, network-config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.layout import META_DATA, NETWORK_CONFIG, USER_DATA, node_path
from generator.render.rendered import RenderedFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.render.cluster_view import ClusterView
    from generator.render.node_view import NodeView
    from generator.render.payload import PayloadFile


def render_network(node: NodeView, cluster: ClusterView) -> RenderedFile:
    """Return network-config in version 2."""
    text = cluster.render("cloud-init/network-config", node=node)
    return RenderedFile(node_path(node.name, NETWORK_CONFIG), text.encode())


def render_user_data(node: NodeView, cluster: ClusterView, files: Sequence[PayloadFile]) -> RenderedFile:
    """Return user-data that carries the whole payload; with no files, what else it says."""
    text = cluster.render("cloud-init/user-data", node=node, files=files)
    return RenderedFile(node_path(node.name, USER_DATA), text.encode(), is_secret=True)


def render_meta_data(node: NodeView, cluster: ClusterView, instance_id: str) -> RenderedFile:
    """Return meta-data: who this instance is."""
    text = cluster.render("cloud-init/meta-data", node=node, instance_id=instance_id)
    return RenderedFile(node_path(node.name, META_DATA), text.encode())
