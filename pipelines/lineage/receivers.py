"""Where OpenLineage events go: a file of the run always, and whatever the client is configured for.

The client's own configuration counts (OPENLINEAGE_URL, OPENLINEAGE__TRANSPORT__..., OPENLINEAGE_CONFIG,
openlineage.yml). A receiver that does not answer stops nothing: events go to it from a thread of its own, and
after the first that fails none is sent any more; the file has all of them.
"""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import RunEvent
from openlineage.client.transport.file import FileConfig, FileTransport
from openlineage.client.transport.noop import NoopTransport


class Receivers:
    """The file and, if one is configured, the receiver behind it."""

    def __init__(self, file: Path) -> None:
        self._file = _to_file(file)
        self._queue: queue.Queue[RunEvent | None] = queue.Queue()
        self._failed = ""
        self._thread: threading.Thread | None = None
        if _is_configured(self._file):
            self._thread = threading.Thread(target=self._send, daemon=True, name="openlineage")
            self._thread.start()

    def emit(self, event: RunEvent, *, file: Path | None = None) -> None:
        """Write an event to the file, or to that of another run, and leave it to be sent."""
        (self._file if file is None else _to_file(file)).emit(event)
        if self._thread is not None and not self._failed:
            self._queue.put(event)

    def close(self, seconds: float) -> str:
        """Wait so long for what is still to be sent; what went wrong, "" for nothing."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(seconds)
            if self._thread.is_alive() and not self._failed:
                self._failed = "no answer in time"
        return self._failed

    def _send(self) -> None:
        try:
            client = OpenLineageClient()
            while (event := self._queue.get()) is not None:
                client.emit(event)
            client.close(timeout=5.0)
        except Exception as error:  # whatever a receiver or a configuration does, the build goes on
            self._failed = type(error).__name__


def _to_file(file: Path) -> OpenLineageClient:
    return OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(file), append=True)))


def _is_configured(client: OpenLineageClient) -> bool:
    """Whether anything but the file is asked for; without this the client would print to the console."""
    if isinstance(client.transport, NoopTransport):
        return False
    named = client.config.transport or {}
    return bool(named.get("type")) or bool(os.environ.get("OPENLINEAGE_URL"))
