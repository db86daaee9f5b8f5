"""Operations on a host: a plugin's function with its files, its site and its effects, once for each id."""

import errno
import logging
import time
from pathlib import Path
from typing import Any

import msgspec

from floria import ids
from floria.plugins import effects
from floria.plugins.budgets import Budget
from floria.plugins.effects import builtins, processes
from floria.plugins.faults import Fault
from khutulun import model
from khutulun.agent import hints, messages, programs
from khutulun.agent.artifacts import Artifacts
from khutulun.agent.effects import Graph, OperationJournal, told
from khutulun.agent.exclusion import Exclusion
from khutulun.agent.journal import BadState, Journal
from khutulun.agent.loader import Loader
from khutulun.agent.plans import Plans
from khutulun.agent.secrets import Lent
from khutulun.bus import interface as bus
from khutulun.systemd import builtins as systemd

QUERY = Budget(cpu=5.0, wall=15.0)
CAPTURED_LOG = 200

log = logging.getLogger(__name__)


class Operator:
    """Runs operations for an agent. `facts` are those of its host, `spool` keeps results of running commands."""

    def __init__(
        self, over: bus.Bus, loader: Loader, journal: Journal, artifacts: Artifacts, spool: Path, facts: dict[str, Any]
    ) -> None:
        self._bus, self._loader, self._journal, self._artifacts = over, loader, journal, artifacts
        self._spool, self._facts = spool, facts
        self._exclusion = Exclusion()
        self.plans = Plans()
        self._systemd = systemd.Builtins()
        self._builtin = self._systemd if facts["init"] == "systemd" else builtins.none

    def close(self) -> None:
        """End what is kept open between operations."""
        self._systemd.close()

    def operate(self, request: messages.Operate) -> messages.Operated:
        """Do an operation, or answer with what it came to when it was done before.

        Raises `bus.Remote` with the code `messages.STATE` when that cannot be written down; it is to be asked again.
        """
        if request.mode is messages.Mode.PLAN:
            return self._dispatch(request, None)
        try:
            return self._once(request)
        except BadState as error:
            raise bus.Remote(messages.STATE, str(error), error.hint, True) from None

    def _once(self, request: messages.Operate) -> messages.Operated:
        with self._exclusion.holding(request.id):
            known = self._journal.begin(request.id)
            if known is not None:
                return known
            answer = self._dispatch(request, OperationJournal(self._journal, request.id))
            self._journal.end(request.id, answer)
            return answer

    def query(self, request: messages.Operate, function: str, arguments: list[Any]) -> Any:
        """Run a function that changes nothing: a change that it attempts is written down nowhere, and not done."""
        lent = Lent(self._bus, request.workload, function)
        return lent.mark(self._query(request, function, arguments, lent))

    def specify(self, request: messages.Operate, verb: str, inputs: dict[str, Any]) -> programs.Specification:
        """Ask the driver what to run for `logs` or `exec`. Raises `Fault`, `BusError`."""
        result = self._query(request, verb, [inputs], Lent(self._bus, request.workload, verb))
        try:
            return msgspec.convert(result, programs.Specification)
        except msgspec.ValidationError as error:
            raise Fault("protocol", f"plugin {request.plugin.name}, {verb}: {error}") from None

    def _query(self, request: messages.Operate, function: str, arguments: list[Any], lent: Lent) -> Any:
        performer = effects.Effects(
            effects.MemoryJournal(),
            mode=effects.Mode.PLAN,
            graph=Graph(self._bus, request.workload, "query"),
            secrets=lent.get,
            builtin=self._builtin,
        )
        lent.conceal = performer.conceal
        try:
            site, given = lent.fill([self._with_secrets(request, lent), arguments])
            scope = _scope(request, "query")
            return self._loader.call(request.plugin, function, site, given, performer, QUERY, scope=scope)
        except Fault as fault:
            told = lent.redacted([fault.message, fault.detail])
            raise Fault(fault.code, told[0], fault.retryable, told[1]) from None

    def _dispatch(self, request: messages.Operate, kept: OperationJournal | None) -> messages.Operated:
        lines: list[str] = []
        delivered: list[effects.Effect] = []

        def write(level: str, message: str) -> None:
            if len(lines) < CAPTURED_LOG:
                lines.append(f"{level}: {message}")
            if kept is not None and level == "warning":
                log.warning("operation %s of %s: %s", request.operation, request.workload.node, message)

        prior = kept.prior() if kept is not None else []
        seen = effects.MemoryJournal()
        for effect in prior:
            seen.intent(effect)
        journal = _Both(kept, seen) if kept is not None else seen
        problem, retryable, result = None, False, None
        lent = Lent(self._bus, request.workload, request.function)
        try:
            delivered = self._bring(request, kept is not None)
            performer = effects.Effects(
                journal,
                mode=effects.Mode.LIVE if kept is not None else effects.Mode.PLAN,
                planned=self.plans.files(request.plan),
                prior=prior,
                spool=self._spool if kept is not None else None,
                environment={**processes.environment(), messages.OPERATION: request.id},
                graph=Graph(self._bus, request.workload, "" if kept is not None else request.id),
                secrets=lent.get,
                log=write,
                builtin=self._builtin,
            )
            lent.conceal = performer.conceal
            site, given = lent.fill([self._with_secrets(request, lent), request.arguments])
            budget, scope = Budget(wall=request.timeout), _scope(request, performer.mode)
            answer = self._loader.call(request.plugin, request.function, site, given, performer, budget, scope=scope)
            result = lent.mark(answer)
        except Fault as fault:
            message, detail = lent.redacted([fault.message, fault.detail])
            problem = model.Problem(fault.code, message, hint=hints.hint(fault), detail=_value(detail))
            retryable = fault.retryable
        except (OSError, ValueError, bus.BusError) as error:
            problem = _host_error(error)
            retryable = isinstance(error, bus.BusError)
            log.warning("operation %s of %s: %s", request.operation, request.workload.node, error)
        done = delivered + [effect for effect in seen.effects if effect.change or problem is not None]
        return messages.Operated(
            result=result,
            problem=problem,
            retryable=retryable,
            effects=told(done, self._facts["name"], request),
            log=tuple(lines),
        )

    def _bring(self, request: messages.Operate, live: bool) -> list[effects.Effect]:
        """Bring the files of an operation to this host, or with a plan say that they would be brought."""
        service = request.workload.service
        missing = self._artifacts.missing(service, request.artifacts)
        if live:
            self._artifacts.deliver(service, missing)
        return [
            effects.Effect(
                id=ids.derive("delivery", request.id, file),
                request=self._artifacts.request(service, file, digest),
                change=True,
                time=time.time_ns(),
                actor="khutulun",
                outcome=effects.Outcome(effects.Status.DONE if live else effects.Status.RECORDED),
            )
            for file, digest in missing.items()
        ]

    def _with_secrets(self, request: messages.Operate, lent: Lent) -> dict[str, Any]:
        site = self._site(request)
        places = lent.places(site)
        return {**site, "secrets": places} if places else site

    def _site(self, request: messages.Operate) -> dict[str, Any]:
        """Return the site with its files on this host."""
        service = request.workload.service
        located = {file: str(self._artifacts.path(service, file)) for file in request.artifacts}
        known = {
            name: {**one, "path": located[one["file"]]} if one.get("file") in located else one
            for name, one in (request.site.get("artifacts") or {}).items()
        }
        site = {**request.site, "host": self._facts, "artifacts": known}
        artifact = site.get("artifact")
        if isinstance(artifact, dict) and artifact.get("file") in located:
            site["artifact"] = {**artifact, "path": located[str(artifact["file"])]}
        return site


class _Both:
    """Writes to the durable journal and remembers for the answer."""

    def __init__(self, kept: OperationJournal, seen: effects.MemoryJournal) -> None:
        self._kept, self._seen = kept, seen

    def intent(self, effect: effects.Effect) -> None:
        self._kept.intent(effect)
        self._seen.intent(effect)

    def result(self, effect: str, outcome: effects.Outcome) -> None:
        self._kept.result(effect, outcome)
        self._seen.result(effect, outcome)


def _scope(request: messages.Operate, mode: str) -> tuple[str, ...]:
    """Return which calls of a plugin may know of each other: those for the same service, and with the same effect."""
    workload = request.workload
    return mode, workload.directory, workload.service


def _host_error(error: Exception) -> model.Problem:
    """Return what this host could not do."""
    if not isinstance(error, OSError) or error.strerror is None:
        return model.Problem("host-error", str(error), hint="see the agent's log")
    where = f"{error.filename}: " if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "free some space on the host" if full else "check the permissions of Khutulun's folders on the host"
    return model.Problem("host-error", f"{where}{error.strerror}", hint=hint)


def _value(detail: object) -> Any:
    return detail
