"""A real HTTP server and a real mail server on this machine, which keep what they were told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Webhook(ThreadingHTTPServer):
    """Answers every POST with `status`, and keeps its path and body."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.status, self.headers = status, headers
        self.posts: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook/secret-token"


class _Hook(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        self.server.posts.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mails as RFC 5321 says, without encryption; keeps commands and contents."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.commands: list[str] = []
        self.mails: list[str] = []


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for raw in self.rfile:
            command = raw.decode().strip()
            self.server.commands.append(command)
            verb = command.split()[0].upper()
            if verb == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines: list[str] = []
                while (line := self.rfile.readline().decode()).strip() != ".":
                    lines.append(line)
                self.server.mails.append("".join(lines))
            if verb == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250-here\r\n250 AUTH PLAIN\r\n" if verb == "EHLO" else b"250 fine\r\n")


@contextmanager
def running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def webhook(status: int = 200, **headers: str) -> Iterator[Webhook]:
    server = Webhook(status, headers)
    with running(server):
        yield server


@contextmanager
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    with running(server):
        yield server
