"""Ask HTTP interfaces of this machine: Consul's and Patroni's.

Every call has a timeout, no proxy is used, and tokens travel in a header only.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from typing import Any, NamedTuple

TIMEOUT = 10.0
CONNECT_TIMEOUT = 3.0


class Unreachable(Exception):
    """Nothing answered; the message says why."""


class Answer(NamedTuple):
    """Status code and text of an answer."""

    status: int
    text: str

    @property
    def is_fine(self) -> bool:
        """Whether the status is 200."""
        return self.status == http.client.OK

    def json(self) -> Any:
        """Return the parsed text, or None when it is no JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


class Web:
    """An HTTP client."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout

    def ask(
        self,
        url: str,
        *,
        method: str = "GET",
        token: str | None = None,
        body: object | None = None,
        authority: str | None = None,
    ) -> Answer:
        """Send one request; any status is an answer.

        `authority` is the path of a CA certificate for https addresses.

        Raises:
            Unreachable: no connection, no answer in time, or an answer that is no HTTP.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - addresses come from node.json
        if token:
            request.add_header("X-Consul-Token", token)
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if url.startswith("https:"):
            context = ssl.create_default_context(cafile=authority)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        opener = urllib.request.build_opener(*handlers)
        try:
            with opener.open(request, timeout=self._timeout) as response:
                return Answer(response.status, response.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(errors="replace"))
        except urllib.error.URLError as error:
            raise Unreachable(str(error.reason)) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(str(error) or type(error).__name__) from None

    def accepts(self, address: str, port: int) -> bool:
        """Say whether something accepts connections there."""
        try:
            with socket.create_connection((address, port), timeout=CONNECT_TIMEOUT):
                return True
        except OSError:
            return False
