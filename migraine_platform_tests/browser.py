"""A real browser that tests click in: headless Chromium, spoken to by its own protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1400,1000",
]  # fmt: skip
PATIENCE = 600
"""Seconds within which anything appears."""

FOUND = "[...document.querySelectorAll('button, a')].find(one => !one.disabled && one.innerText.trim().startsWith(%s))"


class Page:
    """What a person sees, and may click on."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._asked = socket, 0

    def open(self, address: str) -> None:
        """Go there."""
        self._ask("Page.navigate", url=address)

    def click(self, words: str) -> None:
        """Click on the first button or link that begins with these words, once it is there and may be clicked."""
        one = FOUND % json.dumps(words)
        self.wait(f"{one} !== undefined", f'no "{words}" to click on')
        self._value(f"{one}.click()")

    def wait(self, condition: str, otherwise: str) -> None:
        """Until a condition in JavaScript holds."""
        deadline = time.monotonic() + PATIENCE
        while not self._value(condition):
            assert time.monotonic() < deadline, f"{otherwise} in: {self._value('document.body.innerText')}"
            time.sleep(0.3)

    def _value(self, expression: str) -> Any:
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer.get("result", {}).get("value")

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE))
            if answer.get("id") == self._asked:
                return dict(answer.get("result", {}))


@contextmanager
def page(folder: Path) -> Iterator[Page]:
    """An empty page; the browser is gone afterwards.

    Args:
        folder: where the browser may leave what it likes.
    """
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert browser.stderr is not None
        address = next(line.split(" on ")[1].strip() for line in browser.stderr if line.startswith("DevTools"))
        with connect(_page_of(address), max_size=None) as socket:
            yield Page(socket)
    finally:
        browser.kill()
        browser.wait()


def _page_of(address: str) -> str:
    """The socket of the browser's page."""
    import urllib.request

    port = address.split(":")[2].split("/")[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=PATIENCE) as answer:
        return str(next(one["webSocketDebuggerUrl"] for one in json.loads(answer.read()) if one["type"] == "page"))
