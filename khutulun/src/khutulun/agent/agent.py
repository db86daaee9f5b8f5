"""The agent of a host: runs plugins there, knows its workloads, and tells what happens to them.

It answers the conductor over the bus, and is told of changes by push sources. It does nothing when nothing happens.
"""

import msgspec

from floria import plugins
from floria.plugins.faults import Fault
from khutulun import model, paths
from khutulun.agent import facts, messages, programs, readiness
from khutulun.agent.artifacts import Artifacts
from khutulun.agent.failures import Failures
from khutulun.agent.journal import Journal
from khutulun.agent.listening import Listener
from khutulun.agent.loader import Loader
from khutulun.agent.operating import Operator
from khutulun.agent.workloads import Workloads
from khutulun.bus import interface as bus

CREATED = "created"
"""State of a workload that was made and not started."""


class Agent:
    """Serves ``agent.HOST.*`` on the bus."""

    def __init__(self, over: bus.Bus, where: paths.Paths, host: plugins.PluginHost, name: str | None = None) -> None:
        self._bus = over
        self.facts = facts.read(where, name)
        self.name: str = self.facts["name"]
        self._journal = Journal(where.state / "agent.sqlite")
        self._workloads = Workloads(self._journal)
        loader = Loader(over, where, host)
        self._artifacts = Artifacts(where.artifacts, loader.fetch)
        spool = where.run / "effects"
        spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._operator = Operator(over, loader, self._journal, self._artifacts, spool, self.facts)
        self._failures = Failures()
        self._listener = Listener(
            over, where, loader, self._operator, self._journal, self._workloads, self.facts, self._failures
        )
        self._removals = [
            over.serve(f"agent.{self.name}.operate", messages.Operate, self._operate),
            over.serve(f"agent.{self.name}.ready", messages.Ready, self._ready),
            over.serve(f"agent.{self.name}.attend", messages.Attend, self._attend),
            over.serve(f"agent.{self.name}.forget", messages.Forget, self._forget),
            over.accept(f"agent.{self.name}.run", messages.Run, self._run),
        ]

    def start(self) -> None:
        """Tell the conductor that this host is there, and catch up on what happened to its workloads."""
        self._bus.request("conductor.hello", messages.Hello(host=self.name, facts=self.facts), messages.Done)
        self._listener.start()

    def close(self) -> None:
        """Stop listening. Workloads go on."""
        for removal in self._removals:
            removal()
        self._listener.close()
        self._operator.close()
        self._journal.close()

    def interrupt(self) -> None:
        """End the waits for readiness: nothing has to be undone for them to begin again."""
        self._failures.close()

    def _operate(self, request: messages.Operate) -> messages.Operated:
        if request.mode is not messages.Mode.LIVE:
            return self._operator.operate(request)
        entity = request.workload.entity
        self._failures.clear(entity)
        self._workloads.asked(entity, request.operation)
        answer = self._operator.operate(request)
        if request.operation == "update":
            self._workloads.asked(entity, "updated")
        return answer

    def _ready(self, request: messages.Ready) -> messages.Done:
        with self._failures.watching(request.operate.workload.entity) as watch:
            return self._await(request, watch)

    def _await(self, request: messages.Ready, watch: readiness.Watch) -> messages.Done:
        try:
            probe = msgspec.convert({**request.probe, "timeout": request.timeout}, readiness.Probe)
            readiness.wait(probe, watch, lambda verb, inputs: self._operator.specify(request.operate, verb, inputs))
        except readiness.Interrupted:
            raise bus.BusError("the agent is closing") from None
        except readiness.NotReady as error:
            raise bus.Remote("not-ready", str(error)) from None
        except msgspec.ValidationError as error:
            raise bus.Remote("bad-readiness", f"the property `readiness`: {error}") from None
        except Fault as fault:
            raise bus.Remote(fault.code, fault.message, fault.detail, fault.retryable) from None
        return messages.Done()

    def _run(self, request: messages.Run, channel: bus.Channel) -> None:
        operate = request.operate
        try:
            inputs = operate.arguments[0] if operate.arguments else {}
            what = self._operator.specify(operate, operate.function, inputs)
        except (Fault, bus.BusError) as error:
            code = error.code if isinstance(error, Fault) else "host-unreachable"
            problem = model.Problem(code, str(error), f"{operate.workload.service}/{operate.workload.node}")
            channel.send(messages.Frame(messages.FrameKind.PROBLEM, problem=problem))
            return
        programs.serve(channel, what, request)

    def _attend(self, attend: messages.Attend) -> messages.Done:
        known = self._workloads.get(attend.workload.entity)
        if known is not None and self._failures.known(attend.workload.entity):
            attend = msgspec.structs.replace(attend, state=known.state)
        if self._workloads.attend(attend):
            runs = attend.state != CREATED
            self._listener.open(attend.plugin, None if runs else attend.workload.entity)
            self._listener.prune()
        return messages.Done()

    def _forget(self, forget: messages.Forget) -> messages.Done:
        gone = [forget.entity] if forget.entity else []
        gone += self._workloads.of_service(forget.service) if forget.service else []
        self._operator.plans.forget(forget.plan)
        for entity in gone:
            self._workloads.forget(entity)
            self._listener.forget(entity)
        if forget.service:
            self._listener.prune()  # not before: what was deleted by hand is often made again
            try:
                self._artifacts.forget(forget.service)
            except OSError as error:
                raise bus.Remote("host-error", f"files of {forget.service}: {error}") from None
        return messages.Done()
