"""The kickstart of a node; platforms without Anaconda have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.layout import KICKSTART, node_path
from generator.render.rendered import RenderedFile

if TYPE_CHECKING:
    from generator.render.cluster_view import ClusterView
    from generator.render.node_view import NodeView


def render_kickstart(node: NodeView, cluster: ClusterView) -> RenderedFile:
    """Return ks.cfg.

    It holds no secret of the cluster; a console password's hash is marked as one.
    """
    text = cluster.render("kickstart/node.ks", node=node, disk=node.os_disk)
    return RenderedFile(
        node_path(node.name, KICKSTART),
        text.encode(),
        is_secret=cluster.cluster.spec.access.console_password_hash is not None,
    )
