"""Commands that a host carries out itself, by what their program would do, as a shell does with its builtins.

Plugins ask for commands, and people read commands; a host that knows a quicker way to the very same end says so here.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from floria.plugins.effects.processes import Limits
from floria.plugins.requests import Output, RunCommand


class Builtin(Protocol):
    """One command."""

    def run(self, limits: Limits) -> Output | None:
        """Return what the program would end with; None when nothing was done and the program has to be run.

        Raises the faults of `processes.run`, and ``interrupted`` when the end is unknown.
        """
        ...

    def resume(self, begun: int, limits: Limits) -> Output | None:
        """Find out what became of a run that a host began at `begun` (Unix ns), when it was killed.

        Does it now if it was not begun. None as with `run`.
        """
        ...


Builtins: TypeAlias = Callable[[RunCommand], Builtin | None]
"""Returns what carries out a command, None when its program has to be run."""


def none(request: RunCommand) -> Builtin | None:
    """Run everything as a program."""
    return None
