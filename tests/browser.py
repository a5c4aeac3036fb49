"""A real browser for tests: Debian's Chromium without a window, spoken to over a pair of pipes.

The DevTools protocol over --remote-debugging-pipe is JSON between NULs on descriptors 3 and 4; no port, no
driver and no library is needed. Nothing here waits by the clock: each answer and event is read as it comes.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

WAIT = 60.0  # seconds for one answer; a machine under load is slow, a hung browser is killed
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--no-default-browser-check", "--remote-debugging-pipe"),
)


def chromium() -> str | None:
    """Where the browser is, if it is."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One browser with one page. Everything it asked the network for and every error it saw is kept."""

    def __init__(self, home: Path, *, language: str = "en-US") -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        # The shell gives the browser its ends of the pipes as descriptors 3 and 4.
        words = [chromium(), *_FLAGS, f"--accept-lang={language}", f"--user-data-dir={home}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", *map(str, words)],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.errors: list[str] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)

    def close(self) -> None:
        """End the browser."""
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result; RuntimeError where it fails."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                return told["result"]

    def open(self, page: Path, fragment: str = "") -> None:
        """Open a file at the size of a desk and wait until it is loaded; forgets what was before."""
        self.size(1280)
        self.media()
        self._go("about:blank")
        self.requests, self.errors = [], []
        self._go(page.as_uri() + fragment)

    def _go(self, url: str) -> None:
        self._events = []
        loader = self.ask("Page.navigate", url=url).get("loaderId")
        while loader and (loader, "load") not in [
            (event["params"]["loaderId"], event["params"]["name"])
            for event in self._events
            if event["method"] == "Page.lifecycleEvent"
        ]:
            self._next()

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for. RuntimeError where it throws."""
        told = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise RuntimeError(json.dumps(told["exceptionDetails"])[:2000])
        return told["result"].get("value")

    def press(self, key: str, code: int, *, modifiers: int = 0, text: str = "") -> None:
        """A key pressed and let go; text is what it types."""
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                modifiers=modifiers,
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def size(self, width: int, height: int = 900, *, mobile: bool = False) -> None:
        """The size of the window."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    def media(self, **features: str) -> None:
        """Preferences of the reader, such as prefers_color_scheme="dark"; media="print" for paper."""
        medium = features.pop("media", "")
        told = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.ask("Emulation.setEmulatedMedia", media=medium, features=told)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        told = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(told["data"]))

    def print(self, path: Path) -> None:
        """The page as a PDF."""
        told = self.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        path.write_bytes(base64.b64decode(told["data"]))

    def _next(self) -> dict[str, Any]:
        """The next message; events are kept, with what they say of requests and errors."""
        end = time.monotonic() + WAIT
        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], max(end - time.monotonic(), 0))[0]:
                raise RuntimeError("the browser does not answer")
            piece = os.read(self._read, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has ended")
            self._rest += piece
        whole, _, self._rest = self._rest.partition(b"\0")
        told = json.loads(whole)
        if "method" in told:
            self._events.append(told)
            self._note(told["method"], told["params"])
        return told

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(str(params["args"]))
        elif method == "Page.javascriptDialogOpening":
            self.errors.append(f"dialog: {params['message']}")
            self.ask("Page.handleJavaScriptDialog", accept=True)
