"""The executable carrier: JSON lines on stdin and stdout. `Plugin.main` runs it.

The host writes one call; the plugin writes requests, each answered with a line, and at last its result or fault.
Whatever the plugin prints otherwise goes to the log.
"""

import json
import sys
from typing import TYPE_CHECKING, TextIO

from floria_plugin import faults
from floria_plugin.context import Json

if TYPE_CHECKING:
    from floria_plugin.plugin import Plugin


class LineHost:
    """Sends requests as lines and reads the answers."""

    def __init__(self, source: TextIO, sink: TextIO) -> None:
        self._source, self._sink = source, sink

    def perform(self, request: dict[str, Json]) -> Json:
        self.write({"request": request})
        answer = self.read()
        if "fault" in answer:
            fault = answer["fault"]
            retryable = fault.get("retryable", False)
            raise faults.make(fault["code"], fault["message"], retryable, fault.get("detail"))
        return answer["result"]

    def read(self) -> dict[str, Json]:
        line = self._source.readline()
        if not line:
            raise EOFError("the host went away")
        message: dict[str, Json] = json.loads(line)
        return message

    def write(self, message: dict[str, Json]) -> None:
        from floria_plugin.plugin import dumps

        self._sink.write(dumps(message) + "\n")
        self._sink.flush()


def serve(plugin: "Plugin") -> None:
    """Answer one call and return."""
    sink, sys.stdout = sys.stdout, sys.stderr
    host = LineHost(sys.stdin, sink)
    call = host.read()
    try:
        if call["call"] == "describe":
            host.write({"result": plugin.describe()})
        else:
            host.write({"result": plugin.call(host, call["function"], call["site"], call["arguments"])})
    except faults.Fault as fault:
        data = {"code": fault.code, "message": fault.message, "retryable": fault.retryable, "detail": fault.detail}
        host.write({"fault": data})
