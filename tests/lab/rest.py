"""Patroni's REST API from outside: who is primary, switchover, failsafe."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from tests.lab.ledger import Gap, longest_gap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from generator.lab.cluster import Lab

REST_PORT: Final = 8008
POLL_S: Final = 0.25
OK: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a member said; `status` 0 means that it did not answer."""

    status: int
    text: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object of the answer, empty when there is none."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def ask(  # noqa: PLR0913 -- the parts of an HTTP request
    lab: Lab,
    name: str,
    path: str,
    *,
    method: str = "GET",
    body: dict[str, Any] | None = None,
    user: tuple[str, str] | None = None,
    timeout_s: float = 5,
) -> Answer:
    """Return a member's answer; credentials travel in a header."""
    host, port = lab.endpoint(name, REST_PORT)
    headers = {"Content-Type": "application/json"}
    if user:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(user).encode()).decode('ascii')}"
    connection = _connect(lab, host, port, timeout_s)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return Answer(response.status, response.read().decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException):
        return Answer(0)
    finally:
        connection.close()


def _connect(lab: Lab, host: str, port: int, timeout_s: float) -> http.client.HTTPConnection:
    cluster = lab.site.cluster
    if not cluster.spec.patroni.rest_tls:
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    context = ssl.create_default_context(cadata=lab.site.bundle.authority.certificate)
    # What changes something needs a member's certificate; the library takes it from files only.
    own = next(node.patroni for node in lab.site.bundle.nodes.values() if node.patroni is not None)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(own.certificate + own.key.get_secret_value())
        file.flush()
        context.load_cert_chain(file.name)
    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)


def list_members(lab: Lab) -> tuple[str, ...]:
    """Return the names of the PostgreSQL members, in the order of the spec."""
    groups = lab.site.cluster.spec.groups.values()
    return tuple(node.name for group in groups if "postgres" in group.roles for node in group.nodes)


def find_sync_standby(lab: Lab) -> str | None:
    """Return the member that confirms commits, None when there is none."""
    members = lab.cluster_view().members.values()
    return next(
        (member.name for member in members if member.role in {"sync_standby", "quorum_standby"}), None
    )


def switch_over(lab: Lab, leader: str, candidate: str) -> None:
    """Hand the primary's role over, and wait until the candidate has it.

    Raises:
        AssertionError: Patroni refused, or the candidate did not become primary in time.
    """
    spec, password = lab.site.cluster.spec, lab.site.bundle.passwords.rest.get_secret_value()
    answer = ask(
        lab,
        leader,
        "/switchover",
        method="POST",
        body={"leader": leader, "candidate": candidate},
        user=(spec.patroni.rest_username, password),
        timeout_s=120,
    )
    assert answer.status in {OK, 202}, f"switchover from {leader} to {candidate}: {answer}"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if ask(lab, candidate, "/primary").status == OK:
            return
        time.sleep(0.5)
    raise AssertionError(f"{candidate} did not become primary")


class PrimaryWatch:
    """Asks every member for `/primary` several times a second, between `with` and its end."""

    def __init__(self, lab: Lab, names: Iterable[str] = ()) -> None:
        self._lab = lab
        self._seen: list[tuple[float, str]] = []
        self._stopping = threading.Event()
        self._began = 0.0
        self._threads = [
            threading.Thread(target=self._poll, args=(name,), name=f"primary-{name}", daemon=True)
            for name in tuple(names) or list_members(lab)
        ]

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(10)

    def longest_absence(self, start: float | None = None, end: float | None = None) -> Gap:
        """Return the longest time in which no member said that it is primary."""
        moments = [moment for moment, _ in list(self._seen)]
        return longest_gap(moments, self._began if start is None else start, end or time.monotonic())

    def first_primary(self, names: Iterable[str], after: float) -> float | None:
        """Return when one of the members first said so after a moment."""
        wanted = set(names)
        seen = sorted(self._seen)
        return next((moment for moment, name in seen if moment > after and name in wanted), None)

    def primaries(self) -> set[str]:
        """Return every member that said so at any time."""
        return {name for _, name in list(self._seen)}

    def _poll(self, name: str) -> None:
        while not self._stopping.is_set():
            if self._lab.nodes[name].is_on and ask(self._lab, name, "/primary", timeout_s=2).status == OK:
                self._seen.append((time.monotonic(), name))
            self._stopping.wait(POLL_S)
