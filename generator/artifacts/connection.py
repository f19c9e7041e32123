"""Open an address as the programs of this machine do, within a limit of time.

In: an address, where in the file to begin, a deadline.  Out: the open answer.  Proxies and
the authority that servers are checked with are those of every program of this machine:
HTTPS_PROXY, HTTP_PROXY and NO_PROXY, the system's store or SSL_CERT_FILE.

Redirects are followed here and not by urllib, which carries the proxy's password along,
reads a redirect's body to its end and quotes addresses with their tokens.
"""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from pathlib import Path
from string import punctuation
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit
from urllib.request import (
    HTTPBasicAuthHandler,
    HTTPHandler,
    HTTPPasswordMgrWithDefaultRealm,
    HTTPRedirectHandler,
    HTTPSHandler,
    Request,
    build_opener,
    url2pathname,
)

from generator import __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.request import BaseHandler

MOST_REDIRECTS: Final = 10
MOVED: Final = (301, 302, 303, 307, 308)


class RedirectRefused(Exception):
    """The address leads where nothing is asked; the message says why."""


class TimeIsUp(Exception):
    """The deadline has passed."""


def open_address(url: str, begin: int, *, timeout_s: float, deadline: float) -> Any:
    """Return the open answer, a context manager with `status`, `headers` and `read1`.

    Args:
        url: http, https, ftp or file; a user and a password in it are told to its own server only.
        begin: bytes that are here already, asked for as a range.
        timeout_s: how long the other side may be silent.
        deadline: of the monotonic clock, for everything, reading included.

    Raises:
        RedirectRefused: see there.
        TimeIsUp: see there.
        HTTPError: an answer that is no file.
        URLError, OSError, HTTPException: no connection or no answer.
        ValueError: no address.
    """
    for _ in range(MOST_REDIRECTS + 1):
        try:
            return _open(url, begin, timeout_s, deadline)
        except HTTPError as error:
            if error.code not in MOVED:
                raise
            with error:
                url = _follow(url, error.headers.get("Location"))
    raise RedirectRefused(f"it leads on more than {MOST_REDIRECTS} times")


def _open(url: str, begin: int, timeout_s: float, deadline: float) -> Any:
    parts = urlsplit(url)
    if parts.scheme == "file" and not Path(url2pathname(parts.path)).is_file():
        # A pipe would be waited for, for ever.
        raise URLError("there is no such regular file")
    handlers: list[BaseHandler | type[BaseHandler]] = [_NoRedirect, *_make_handlers(deadline)]
    if parts.scheme in {"http", "https"} and "@" in parts.netloc:
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        passwords = HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, url, unquote(parts.username or ""), unquote(parts.password or ""))
        handlers.append(HTTPBasicAuthHandler(passwords))
    request = Request(url, headers={"User-Agent": f"holster/{__version__}"})  # noqa: S310 -- the spec allows these schemes
    if begin:
        request.add_header("Range", f"bytes={begin}-")
    return build_opener(*handlers).open(request, timeout=timeout_s)


def _follow(url: str, location: str | None) -> str:
    """Return where a redirect leads.

    Raises:
        RedirectRefused: nowhere, to another kind of address, to one that carries a password, or
            from https to http.
    """
    before = urlsplit(url)
    try:
        # Servers send such bytes as they are; http.client gives them as Latin-1.
        parts = urlsplit(urljoin(url, quote(location or "", encoding="latin-1", safe=punctuation)))
        is_remote = parts.scheme in {"http", "https"}
        is_usable = bool(location and (not is_remote or parts.hostname) and parts.port != 0)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise RedirectRefused("it leads to no usable address")
    if not is_remote:
        raise RedirectRefused("it leads to an address that is neither http nor https")
    if before.scheme == "https" and parts.scheme == "http":
        raise RedirectRefused("it leads from https to http")
    if "@" in parts.netloc:
        if parts.netloc != before.netloc:
            raise RedirectRefused("it leads to an address with a password")
        # A relative one: the login of the first address is told to nothing that it leads to.
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return urlunsplit(parts)


class _NoRedirect(HTTPRedirectHandler):
    """Takes a redirect for an answer, whatever its Location is."""

    def http_error_302(self, *_arguments: Any, **_more: Any) -> None:
        """Ask nobody else."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _make_handlers(deadline: float) -> tuple[HTTPHandler, HTTPSHandler]:
    """Return handlers whose answers, headers included, are read until the deadline only."""

    class Response(HTTPResponse):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            self.fp = BufferedReader(_Timed(self.fp.detach(), deadline))

    def bound(kind: type[HTTPConnection]) -> Callable[..., HTTPConnection]:
        def connect(*arguments: Any, **more: Any) -> HTTPConnection:
            connection = kind(*arguments, **more)
            connection.response_class = Response
            return connection

        return connect

    class Plain(HTTPHandler):
        def http_open(self, request: Request) -> Any:
            return self.do_open(bound(HTTPConnection), request)

    class Secure(HTTPSHandler):
        def https_open(self, request: Request) -> Any:
            return self.do_open(bound(HTTPSConnection), request)

    return Plain(), Secure()


class _Timed(RawIOBase):
    """The bytes of a connection: each read may be silent for its timeout, all of them end."""

    def __init__(self, raw: RawIOBase, deadline: float) -> None:
        self._raw = raw
        self._deadline = deadline

    def readable(self) -> bool:
        """Say that this is for reading."""
        return True

    def readinto(self, buffer: Any) -> Any:
        """Read what has come.

        Raises:
            TimeIsUp: see there.
        """
        if time.monotonic() > self._deadline:
            raise TimeIsUp
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Close the connection as well."""
        self._raw.close()
        super().close()
