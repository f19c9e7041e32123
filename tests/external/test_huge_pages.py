"""The reserved huge pages against what the real PostgreSQL asks for with the rendered parameters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.external.machine_fixtures import find_postgresql
from tests.external.postgresql_server import PostgresqlServer, make_folder
from tests.fakes.rendering import render_text

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.external

TRIO = Path(__file__).resolve().parents[2] / "examples" / "trio.yaml"
SINCE = 15
"""The first major that says how many it needs."""
SIZES: dict[str, tuple[str, dict[str, object]]] = {
    "large": ("64GiB", {}),
    "larger": ("2TiB", {"max_connections": 500}),
    "many clients": ("256GiB", {"max_connections": 20000, "parameters": {"track_activity_query_size": 9999}}),
    "many locks": ("64GiB", {"max_connections": 1000, "max_locks_per_transaction": 4096}),
    "many prepared": ("64GiB", {"max_prepared_transactions": 20000}),
    "caches": ("64GiB", {"parameters": {"wal_buffers": "1GB", "min_dynamic_shared_memory": "2GB"}}),
    "predicate locks": ("64GiB", {"parameters": {"max_pred_locks_per_transaction": 4096}}),
    "workers": ("64GiB", {"max_worker_processes": 2000, "parameters": {"autovacuum_max_workers": 2000}}),
    "demanded": ("4GiB", {"parameters": {"huge_pages": "on"}}),
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """Give an empty database of this machine's PostgreSQL; it need not run."""
    found = re.search(r"/(\d+)/bin", str(find_postgresql()))
    if found is None or int(found[1]) < SINCE:
        pytest.skip(f"PostgreSQL {SINCE} is the first that says it")
    with make_folder() as folder:
        yield PostgresqlServer(folder / "data")


def write_spec(major: str, memory: str, settings: dict[str, object]) -> bytes:
    """Return the example trio for a major, with members of such memory."""
    data = yaml.safe_load(TRIO.read_text("utf-8"))
    data["components"] = {**data.get("components", {}), "postgresql": {"version": int(major)}}
    data["postgresql"] = {**data.get("postgresql", {}), **settings}
    for group in data["groups"].values():
        for node in group["nodes"]:
            node["memory"] = memory
    return yaml.safe_dump(data, sort_keys=False).encode()


@pytest.mark.parametrize("size", SIZES)
def test_what_is_reserved_is_enough(size: str, server: PostgresqlServer, tmp_path: Path) -> None:
    """And not much more than that: what is reserved is lost to everything else."""
    memory, settings = SIZES[size]
    major = find_postgresql().parent.name
    output = render_text(write_spec(major, memory, settings), tmp_path / "out")
    payload = output / "nodes/trio1/payload"
    node = json.loads((payload / "etc/holster/node.json").read_text("utf-8"))
    config = payload / node["patroni"]["config"].lstrip("/")
    patroni = yaml.safe_load(config.read_text("utf-8"))
    parameters = {
        **patroni["bootstrap"]["dcs"]["postgresql"]["parameters"],
        **patroni["postgresql"]["parameters"],
        "ssl": "off",
    }
    options = [word for name, value in parameters.items() for word in ("-c", f"{name}={value}")]
    asked = int(
        server.run("postgres", "-D", server.folder, *options, "-C", "shared_memory_size_in_huge_pages")
    )
    reserved = node["system"]["huge_pages"]["count"]
    assert asked <= reserved <= asked * 1.2
