"""What follows when an execution has ended: names become free, what failed is undone. `Executions` asks."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from floria.entities import Vertex
from floria.ids import Id
from floria.store.interface import Reader, Store, Transaction
from khutulun import model
from khutulun.agent import messages
from khutulun.bus import interface as bus
from khutulun.conductor import auditing, designs, progress, registry
from khutulun.conductor.emission import Emission
from khutulun.conductor.services import Services
from khutulun.conductor.workflow import Workflow

TOLD = 3
"""Failures of an execution that are in the line of the log; all of them are in the graph."""

log = logging.getLogger(__name__)


class Endings:
    """Completes executions. `services` and `begin`, which starts an execution, are there before the first one ends."""

    services: Services
    begin: Callable[[Id], object]

    def __init__(self, store: Store, over: bus.Bus, found: registry.Registry, emission: Emission) -> None:
        self._store, self._bus, self._registry, self._emission = store, over, found, emission
        self._rolling_back = ThreadPoolExecutor(1, "roll back")

    def close(self) -> None:
        """Wait for what is on its way."""
        self._rolling_back.shutdown(wait=True)

    def before(self, execution: Vertex, well: bool) -> None:
        """Have the hosts forget a service before its name is free for another one."""
        if progress.is_of(execution, Workflow.UNDEPLOY) and well:
            with self._store.read() as reader:
                hosts = self._registry.hosts(reader)
            for host in hosts:
                self._forget(host.name, str(progress.value(execution, "service")))

    def finished(self, tx: Transaction, execution: Vertex, well: bool) -> Callable[[], None]:
        """Write what has become of a service, in the last transaction; what is returned comes after."""
        auditing.end_execution(tx, execution, well)
        recorded = self.services.finished(tx, execution, well)
        told = _told(tx, execution, well)

        def after() -> None:
            log.log(logging.INFO if well else logging.WARNING, "%s", told)
            self._emission.handle(*recorded)
            if progress.is_of(execution, Workflow.UPDATE) and not well:
                self._rolling_back.submit(self._guarded_roll_back, execution)

        return after

    def _guarded_roll_back(self, execution: Vertex) -> None:
        try:
            self.roll_back(execution)
        except Exception:
            log.exception("rolling back execution %s", execution.id)

    def roll_back(self, execution: Vertex) -> None:
        """Undo an update that failed, if it is to be undone and nothing came after it."""
        before = progress.value(execution, "before")
        if not isinstance(before, dict):
            return
        service, directory = str(progress.value(execution, "service")), execution.directory.rpartition("/")[0] or "/"
        inputs = before["inputs"]
        assert isinstance(inputs, dict)
        request = model.DeployRequest(service, str(before["archive"]), directory, inputs)
        try:
            design = designs.load(self._store, str(before["archive"]), service)
            with self.services.lock, self._store.write() as tx:
                root = self.services.root(tx, service, directory)
                last = progress.last(tx, root.directory, declarative=True)
                if last is None or last.id != execution.id:
                    return
                updated = self.services.roll_back(tx, root, request, design)
                if updated.execution is not None:
                    auditing.pass_on(tx, execution, updated.execution, "rollback")
        except model.Refused as refused:
            log.error("%s cannot be rolled back: %s", service, refused)
            return
        self._emission.handle(*updated.recorded)
        if updated.execution is not None:
            self.begin(updated.execution)

    def _forget(self, host: str, service: str) -> None:
        try:
            self._bus.request(f"agent.{host}.forget", messages.Forget(service=service), messages.Done)
        except (bus.BusError, bus.Remote) as error:
            log.warning("files of %s stay on %s: %s", service, host, error)


def _told(reader: Reader, execution: Vertex, well: bool) -> str:
    """Return a line for the log: what has ended, and why not well."""
    what = f"{execution.directory}: {execution.name}"
    if well:
        return f"{what} is done"
    problems = progress.problems(progress.steps(reader, execution.id))
    why = [": ".join(filter(None, (one.where, one.message))) for one in problems[:TOLD]]
    return "; ".join([f"{what} has failed", *why])
