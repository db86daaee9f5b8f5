"""What the checks of the conformance kit work with: a host, the plugin under test, and a place to work in."""

from collections.abc import Mapping
from pathlib import Path

from floria.plugins import grants
from floria.plugins.budgets import Budget
from floria.plugins.carriers import Carrier, Plugin
from floria.plugins.effects import Effect, Effects, MemoryJournal, Mode
from floria.plugins.effects.access import GraphAccess
from floria.plugins.faults import Fault
from floria.plugins.host import PluginHost


class Failed(AssertionError):
    """A check found something else than the contract says."""


class Bench:
    """Calls the plugin with everything it needs, and keeps what came out: `logs`, `effects`."""

    def __init__(self, host: PluginHost, plugin: Plugin, folder: Path) -> None:
        self.host, self.plugin, self.folder = host, plugin, folder
        self.logs: list[tuple[str, str]] = []
        self.effects: tuple[Effect, ...] = ()

    @property
    def sandboxed(self) -> bool:
        return self.plugin.carrier is not Carrier.EXECUTABLE

    def call(
        self,
        function: str,
        *arguments: object,
        site: object = None,
        granted: Mapping[str, object] | None = None,
        budget: Budget | None = None,
        mode: Mode = Mode.LIVE,
        graph: GraphAccess | None = None,
        secrets: Mapping[str, str] | None = None,
        spool: Path | None = None,
    ) -> object:
        """Call a function. Raises `Fault`."""
        self.logs = []
        journal = MemoryJournal()
        effects = Effects(
            journal,
            mode=mode,
            graph=graph,
            evaluate=lambda expression: {"evaluated": expression},
            secrets=lambda name: (secrets or {})[name],
            spool=spool,
            log=lambda level, message: self.logs.append((level, message)),
        )
        allowed = grants.fill(grants.parse(dict(granted or {})), {"work": str(self.folder)})
        try:
            return self.host.dispatch(
                self.plugin, function, site, arguments, grants=allowed, effects=effects, budget=budget
            )
        finally:
            self.effects = journal.effects

    def fault(self, code: str, function: str, *arguments: object, **more: object) -> Fault:
        """Call a function that must end in a fault with this code; return it."""
        try:
            value = self.call(function, *arguments, **more)  # type: ignore[arg-type]
        except Fault as fault:
            if fault.code not in code.split("|"):
                raise Failed(f"{function}: the fault {code} was expected, not {fault}") from None
            return fault
        raise Failed(f"{function}: the fault {code} was expected, not {str(value)[:200]!r}")

    def equal(self, found: object, expected: object) -> None:
        """Fail when the two differ."""
        if found != expected:
            raise Failed(f"{expected!r} was expected, not {str(found)[:500]!r}")
