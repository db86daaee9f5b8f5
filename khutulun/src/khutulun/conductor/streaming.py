"""Programs beside workloads, and their logs, as streams of bytes; `Conductor` has it."""

from floria import naming
from floria.entities import Vertex
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.bus import interface as bus
from khutulun.conductor import auditing, streams, topology
from khutulun.conductor.access import Role
from khutulun.conductor.auditing import Outcome
from khutulun.conductor.calls import find_handler
from khutulun.conductor.parts import Parts
from khutulun.conductor.performing import OperationFailed

PROGRAM = 200
"""Characters of a program's name that the audit log keeps."""


class Streaming(Parts):
    """See `khutulun.conductor.interface.Conductor` for what each method does."""

    def logs(
        self,
        principal: model.Principal,
        service: str,
        node: str,
        *,
        follow: bool = False,
        lines: int = 100,
        directory: str = "/",
    ) -> streams.ChannelStream:
        vertex = self._node(principal, service, node, directory, Role.VIEWER)
        inputs: dict[str, Value] = {"follow": follow, "lines": lines}
        return self._stream(vertex, "logs", inputs)

    def execute(self, principal: model.Principal, request: model.ExecRequest) -> streams.ChannelStream:
        vertex = self._node(principal, request.service, request.node, request.directory, Role.OPERATOR, "exec")
        if not request.argv:
            raise model.refuse("no-command", "there is no command to run", hint="write it after --")
        inputs: dict[str, Value] = {"argv": list(request.argv), "tty": request.tty, "stdin": request.stdin}
        stream = self._stream(vertex, "exec", inputs, request)
        with self._store.write() as tx:
            subject = naming.subject(tx, vertex)
            asked = auditing.ask(principal, "exec", subject, {"program": request.argv[0][:PROGRAM]})
            auditing.end(tx, asked, Outcome.DONE)
        return stream

    def _stream(
        self,
        vertex: Vertex,
        verb: str,
        inputs: dict[str, Value],
        request: model.ExecRequest | None = None,
    ) -> streams.ChannelStream:
        handler = find_handler(vertex, f"{topology.LIFECYCLE}{verb}")
        if handler is None:
            raise model.refuse("no-stream", f"{vertex.name} has no {verb}", hint="its driver does not provide it")
        try:
            operate, _ = self._operations.prepare(vertex.id, handler, id="", operation=verb, inputs=inputs)
        except OperationFailed as failure:
            raise model.Refused(failure.problem, status=409) from None
        host = operate.site["host"]["name"]
        run = messages.Run(operate=operate)
        if request is not None:
            run = messages.Run(
                operate=operate, tty=request.tty, stdin=request.stdin, rows=request.rows, columns=request.columns
            )
        try:
            return streams.ChannelStream(self._bus.open(f"agent.{host}.run", run))
        except bus.BusError as error:
            raise model.refuse("host-unreachable", str(error), status=502) from None
