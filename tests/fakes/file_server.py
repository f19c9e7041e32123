"""An HTTP server on the loopback that misbehaves as told: for downloads."""

from __future__ import annotations

import threading
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

WATCH_S = 30


@dataclass(slots=True)
class Behaviour:
    """How one path is answered.

    Attributes:
        body: the file.
        breaks: the connection ends after so many bytes of the body, once for each entry.
        codes: answered instead, once for each entry.
        has_ranges: whether parts are served.
        login: "user:password" that is demanded.
        stalls: how often the server says nothing at all.
        moved: where the file is instead.
        lines: of the answer's head, in place of the true Content-Length and Content-Range.
        status: of the answer with the file, in place of 200 or 206.
        drips_s: pause after each byte of the body, which never ends then.
        head_drips_s: pause after each line of the head, which never ends then.
    """

    body: bytes = b""
    breaks: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    has_ranges: bool = True
    login: str | None = None
    stalls: int = 0
    moved: str | None = None
    lines: tuple[str, ...] | None = None
    status: int | None = None
    drips_s: float = 0
    head_drips_s: float = 0


class FileServer:
    """Serves `files` (path -> behaviour) while it is entered; `asked` keeps (path, Range) of each request."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, Behaviour] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.logins: list[str | None] = []
        self.heads: list[str] = []
        self.ended = threading.Event()
        server = self

        class Handler(_Handler):
            owner = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._scheme = "http"
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """The server's address."""
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._http.shutdown()
        self._thread.join(WATCH_S)
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: FileServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name of the base class
        del format, args

    def do_GET(self) -> None:
        """Answer as the behaviour says."""
        owner, asked = self.owner, self.headers.get("Range")
        owner.asked.append((self.path, asked))
        owner.logins.append(self.headers.get("Authorization"))
        owner.heads.append(str(self.headers))
        known = owner.files.get(self.path)
        if known is None:
            self.send_error(404)
        elif known.login and owner.logins[-1] != f"Basic {b64encode(known.login.encode()).decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="files"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif known.moved is not None:
            self.send_response(302)
            self._write(f"Location: {known.moved}\r\nContent-Length: 0\r\n\r\n")
        elif known.codes:
            self.send_error(known.codes.pop(0))
        elif known.stalls:
            known.stalls -= 1
            owner.ended.wait(WATCH_S)
        else:
            self._send(known, asked)

    def _send(self, known: Behaviour, asked: str | None) -> None:
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and known.has_ranges else 0
        size = len(known.body)
        if begin and begin >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return
        lines = [f"Content-Length: {size - begin}"]
        if begin:
            lines.append(f"Content-Range: bytes {begin}-{size - 1}/{size}")
        self.send_response(known.status or (206 if begin else 200))
        self.close_connection = True
        # A hostile server sends what the base class would refuse to send.
        self._write("".join(f"{line}\r\n" for line in (lines if known.lines is None else known.lines)))
        if known.head_drips_s:
            self._drip("X-More: x\r\n", known.head_drips_s)
        self._write("\r\n")
        if known.drips_s:
            self._drip("x", known.drips_s)
        rest = known.body[begin:]
        with suppress(OSError):
            self.wfile.write(rest[: known.breaks.pop(0)] if known.breaks else rest)

    def _write(self, text: str) -> None:
        self.flush_headers()
        self.wfile.write(text.encode("latin-1"))

    def _drip(self, text: str, pause_s: float) -> None:
        with suppress(OSError):
            while not self.owner.ended.wait(pause_s):
                self._write(text)
