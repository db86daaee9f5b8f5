"""The journal of effects: what was asked, when, and how it ended.

`Effects` writes an intent before and an outcome after everything it does; whoever owns the call keeps them durably
(or not: queries need not be kept) and hands them back to replay an interrupted call.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol

import msgspec

from floria.plugins.faults import FaultData
from floria.plugins.requests import Request


class Status(StrEnum):
    """How an effect ended. `recorded`: a plan was being made, nothing was done."""

    DONE = "done"
    FAILED = "failed"
    RECORDED = "recorded"


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The end of an effect: `result` is JSON data, `duration` nanoseconds."""

    status: Status
    result: object = None
    fault: FaultData | None = None
    duration: int = 0


class Effect(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing done for a plugin.

    `change` says whether it changes something, by its grant. `time` is Unix nanoseconds of the intent, `actor` the
    plugin and function, `boot` the machine's boot it was begun in. Without an outcome it is *in doubt*: nobody knows
    yet whether it was done. Secrets are replaced by ``<secret NAME>`` in the request and the outcome.
    """

    id: str
    request: Request
    change: bool
    time: int = 0
    actor: str = ""
    boot: str = ""
    outcome: Outcome | None = None


class Journal(Protocol):
    """Keeps effects. Called from the thread of the call; what returns from `intent` is kept."""

    def intent(self, effect: Effect) -> None: ...
    def result(self, effect: str, outcome: Outcome) -> None:
        """Set the outcome of the effect with this id."""
        ...


class MemoryJournal:
    """Keeps effects in memory: for plans, tests and single calls."""

    def __init__(self) -> None:
        self._effects: dict[str, Effect] = {}

    def intent(self, effect: Effect) -> None:
        self._effects[effect.id] = effect

    def result(self, effect: str, outcome: Outcome) -> None:
        self._effects[effect] = msgspec.structs.replace(self._effects[effect], outcome=outcome)

    @property
    def effects(self) -> tuple[Effect, ...]:
        """All effects, in order."""
        return tuple(self._effects.values())

    def __iter__(self) -> Iterator[Effect]:
        return iter(self.effects)


def encode(effect: Effect) -> object:
    """Return an effect as JSON data."""
    return msgspec.to_builtins(effect)


def decode(data: object) -> Effect:
    """Return the effect that `encode` wrote. Raises `msgspec.ValidationError`."""
    return msgspec.convert(data, Effect)
