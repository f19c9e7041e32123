"""Ask HTTP interfaces of this machine: Consul's and Patroni's.

Every call has a timeout, no proxy is used, and tokens travel in a header only.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Iterator, NamedTuple

TIMEOUT = 10.0
"""Seconds for a whole answer, and for each part of a download."""
BLOCK = 1 << 16
LARGEST = 16 << 20
"""Bytes of an answer."""
LARGEST_DOWNLOAD = 2 << 30
"""No program is larger, nor is an archive of one."""
CONNECT_TIMEOUT = 3.0
LASTING = frozenset({400, 401, 403, 404, 405, 410, 451})
"""Answers that asking again does not change."""


class Unreachable(Exception):
    """Nothing answered; the message says why."""


class NotServed(Exception):
    """A server refuses what was asked for; the message says how."""


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
        end = time.monotonic() + self._timeout
        try:
            # The token would go wherever a redirect points: an answer that is one is the answer.
            with _build_opener(url, authority, _NoRedirect()).open(
                request, timeout=self._timeout
            ) as response:
                return Answer(response.status, _read_text(response, end))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _read_text(error, end))
        except urllib.error.URLError as error:
            raise Unreachable(str(error.reason)) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(str(error) or type(error).__name__) from None

    def download(self, url: str, is_late: Callable[[], bool]) -> Iterator[bytes]:
        """Yield the bytes at an address, to the end that was announced.

        `is_late` is asked after each block; the rest is given up when it says yes.

        Raises:
            NotServed: the server has no such file for us; asking again is of no use.
            Unreachable: no connection, the server's own trouble, or an answer that broke off.
        """
        try:
            with _build_opener(url).open(url, timeout=self._timeout) as response:
                announced = response.headers.get("Content-Length")
                received = 0
                # What has come, not a whole block: a server that drips would put the question off for ever.
                for block in iter(lambda: response.read1(BLOCK), b""):
                    received += len(block)
                    _demand_size(received)
                    yield block
                    if is_late():
                        raise Unreachable(f"only {received} bytes came in time")
                # Reading in blocks, http.client reports no answer that broke off.
                if announced is not None and received < int(announced):
                    raise Unreachable(f"the answer broke off after {received} of {announced} bytes")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in LASTING:
                raise NotServed(f"the server answers {error.code} {error.reason}") from None
            raise Unreachable(f"the server answers {error.code} {error.reason}") from None
        except urllib.error.URLError as error:
            raise Unreachable(str(error.reason)) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unreachable(str(error) or type(error).__name__) from None

    def accepts(self, address: str, port: int) -> bool:
        """Say whether something accepts connections there."""
        try:
            with socket.create_connection((address, port), timeout=CONNECT_TIMEOUT):
                return True
        except OSError:
            return False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for an answer, whatever its Location is."""

    def http_error_302(self, *_arguments: Any, **_more: Any) -> None:
        """Ask nobody else."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _read_text(response: Any, end: float) -> str:
    """Return the text of an answer.

    Raises:
        OSError: it does not end in time, or is larger than any answer of Consul or Patroni.
    """
    blocks: list[bytes] = []
    received = 0
    for block in iter(lambda: response.read1(BLOCK), b""):
        blocks.append(block)
        received += len(block)
        if received > LARGEST:
            raise OSError(f"the answer is larger than {LARGEST >> 20} MiB")
        if time.monotonic() > end:
            raise OSError(f"the answer did not end in time, only {received} bytes came")
    if getattr(response, "length", None):
        raise OSError(f"the answer broke off after {received} bytes")
    return b"".join(blocks).decode(errors="replace")


def _demand_size(received: int) -> None:
    if received > LARGEST_DOWNLOAD:
        raise NotServed(f"what the server sends is larger than {LARGEST_DOWNLOAD >> 20} MiB")


def _build_opener(
    url: str, authority: str | None = None, *more: urllib.request.BaseHandler
) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({}), *more]
    if url.startswith("https:"):
        context = ssl.create_default_context(cafile=authority)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)
