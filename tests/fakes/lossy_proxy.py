"""A proxy in front of a Consul agent that loses what a test names.

Started as `lossy_proxy.py PORT TARGET RULES`; RULES is a JSON list of
[method, part of the path, kind, count]: `request` answers 500 and sends nothing on, `answer` sends
it on and answers 500; count -1 means always.
Standard library only.
"""

from __future__ import annotations

import http.client
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RULES: list[list[Any]] = []
TARGET = ("", 0)


def take_fault(method: str, path: str) -> str | None:
    """Return what happens to a request, and count it."""
    for rule in RULES:
        if rule[0] == method and rule[1] in path and rule[3]:
            rule[3] -= 1
            return str(rule[2])
    return None


class Handler(BaseHTTPRequestHandler):
    """Sends requests on."""

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        """Send one request on, or lose it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = take_fault(self.command, self.path)
        status, headers, content = 500, {}, b"node is not the leader"
        if fault != "request":
            upstream = http.client.HTTPConnection(*TARGET, timeout=700)
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            payload = answer.read()
            if fault is None:
                status, headers, content = answer.status, dict(answer.headers), payload
            upstream.close()
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        if fault:
            sys.stdout.write(f"lost the {fault}: {self.command} {self.path}\n")
            sys.stdout.flush()

    do_GET = do_PUT = do_DELETE = handle_any  # noqa: N815 -- the names that the base class calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name in the base class
        """Say nothing."""


if __name__ == "__main__":
    host, _, port = sys.argv[2].partition(":")
    TARGET = (host, int(port))
    RULES = json.loads(sys.argv[3])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
