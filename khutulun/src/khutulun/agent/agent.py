"""The agent of a host: runs plugins there, knows its workloads, and tells what happens to them.

It answers the conductor over the bus, and is told of changes by push sources. It does nothing when nothing happens.
"""

import threading

import msgspec

from floria import plugins
from floria.plugins.faults import Fault
from khutulun import model, paths
from khutulun.agent import facts, messages, programs, readiness
from khutulun.agent.artifacts import Artifacts
from khutulun.agent.journal import Journal
from khutulun.agent.listening import Listener
from khutulun.agent.loader import Loader
from khutulun.agent.operating import Operator
from khutulun.agent.workloads import Workloads
from khutulun.bus import interface as bus


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
        self._listener = Listener(
            over, where, loader, self._operator, self._journal, self._workloads, self.facts, self._failing
        )
        self._lock = threading.Lock()
        self._watches: dict[str, readiness.Watch] = {}
        self._removals = [
            over.serve(f"agent.{self.name}.operate", messages.Operate, self._operator.operate),
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
        self._journal.close()

    def _ready(self, request: messages.Ready) -> messages.Done:
        workload = request.operate.workload
        watch = readiness.Watch()
        with self._lock:
            self._watches[workload.entity] = watch
        try:
            probe = msgspec.convert({**request.probe, "timeout": request.timeout}, readiness.Probe)
            readiness.wait(probe, watch, lambda verb, inputs: self._operator.specify(request.operate, verb, inputs))
        except readiness.NotReady as error:
            raise bus.Remote("not-ready", str(error)) from None
        except msgspec.ValidationError as error:
            raise bus.Remote("bad-readiness", f"the property `readiness`: {error}") from None
        except Fault as fault:
            raise bus.Remote(fault.code, fault.message, fault.detail, fault.retryable) from None
        finally:
            with self._lock:
                self._watches.pop(workload.entity, None)
        return messages.Done()

    def _failing(self, entity: str, why: str) -> None:
        """End the wait for the readiness of a workload that has failed."""
        with self._lock:
            watch = self._watches.get(entity)
        if watch is not None:
            watch.fail(why)

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
        if self._workloads.attend(attend):
            self._listener.open(attend.plugin)
        return messages.Done()

    def _forget(self, forget: messages.Forget) -> messages.Done:
        if forget.entity:
            self._workloads.forget(forget.entity)
        if forget.service:
            for entity in self._workloads.of_service(forget.service):
                self._workloads.forget(entity)
            self._artifacts.forget(forget.service)
        return messages.Done()
