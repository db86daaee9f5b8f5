"""Programs beside workloads, and their logs, as streams of bytes; `Conductor` has it."""

import logging
from collections.abc import Callable

from floria import naming
from floria.entities import Vertex
from floria.store.interface import StoreError
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.bus import interface as bus
from khutulun.conductor import auditing, topology
from khutulun.conductor.access import Role
from khutulun.conductor.auditing import Outcome
from khutulun.conductor.calls import find_handler
from khutulun.conductor.parts import Parts
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.streams import ChannelStream

log = logging.getLogger(__name__)

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
    ) -> ChannelStream:
        vertex = self._node(principal, service, node, directory, Role.VIEWER)
        inputs: dict[str, Value] = {"follow": follow, "lines": lines}
        return self._open(messages.Run(operate=self._prepared(vertex, "logs", inputs)))

    def execute(self, principal: model.Principal, request: model.ExecRequest) -> ChannelStream:
        vertex = self._node(principal, request.service, request.node, request.directory, Role.OPERATOR, "exec")
        if not request.argv:
            raise model.refuse("no-command", "there is no command to run", hint="write it after --")
        inputs: dict[str, Value] = {"argv": list(request.argv), "tty": request.tty, "stdin": request.stdin}
        operate = self._prepared(vertex, "exec", inputs)
        run = messages.Run(
            operate=operate, tty=request.tty, stdin=request.stdin, rows=request.rows, columns=request.columns
        )
        with self._store.write() as tx:
            subject = naming.subject(tx, vertex)
            asked = auditing.ask(principal, "exec", subject, {"program": request.argv[0][:PROGRAM]})
            auditing.begin(tx, asked)
        try:
            return self._open(run, lambda problem: self._audit_end(asked, problem))
        except model.Refused as refused:
            self._audit_end(asked, refused.problems[0])
            raise

    def _audit_end(self, asked: auditing.Asked, problem: model.Problem | None) -> None:
        """Write how a program has ended; where the disk is full, `begun` stays."""
        try:
            with self._store.write() as tx:
                if problem is None:
                    auditing.end(tx, asked, Outcome.DONE)
                else:
                    auditing.end(tx, asked, Outcome.FAILED, [problem])
        except StoreError as error:
            log.error("the end of %s of %s is not in the audit log: %s", asked.action, asked.subject, error)

    def _prepared(self, vertex: Vertex, verb: str, inputs: dict[str, Value]) -> messages.Operate:
        handler = find_handler(vertex, f"{topology.LIFECYCLE}{verb}")
        if handler is None:
            raise model.refuse("no-stream", f"{vertex.name} has no {verb}", hint="its driver does not provide it")
        try:
            return self._operations.prepare(vertex.id, handler, id="", operation=verb, inputs=inputs)[0]
        except OperationFailed as failure:
            raise model.Refused(failure.problem, status=409) from None

    def _open(self, run: messages.Run, ended: Callable[[model.Problem | None], object] | None = None) -> ChannelStream:
        host = run.operate.site["host"]["name"]
        try:
            return ChannelStream(self._bus.open(f"agent.{host}.run", run), ended)
        except bus.BusError as error:
            raise model.refuse("host-unreachable", str(error), status=502) from None
