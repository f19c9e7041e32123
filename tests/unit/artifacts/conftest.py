"""A server on the loopback, and an environment without proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.file_server import FileServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the proxies of whoever runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Return a running server without files."""
    with FileServer() as running:
        yield running
