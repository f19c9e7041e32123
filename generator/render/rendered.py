"""What rendering gives: files in memory, and the tree of one cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One file of the output.

    Attributes:
        path: relative to the cluster's output folder.
        content: its bytes.
        is_secret: written 0600, never shown.
        owner, group, mode: on the node, for payload files; None elsewhere.
    """

    path: PurePosixPath
    content: bytes = field(repr=False)
    is_secret: bool = False
    owner: str | None = None
    group: str | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class RenderedTree:
    """All files of one cluster, sorted by path."""

    cluster: str
    files: tuple[RenderedFile, ...]
