"""A transaction in which events are emitted together with other changes; see `floria.events.Emitter.writing`."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import msgspec

from floria.evaluation import Clock
from floria.events.event import Event
from floria.events.journal import Recorded
from floria.events.storms import Window
from floria.store.interface import Transaction

Held: TypeAlias = list[tuple[Window, Event]]
"""Events that a storm holds back, with the window that they are in."""

Follow: TypeAlias = Callable[[Transaction, Event, list[Recorded], Held], None]
"""Writes an event to the first list, or holds it back in the second; neither when it was seen before."""


class Outcome(StrEnum):
    """What came of emitting."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"  # an event with this id was there
    COALESCED = "coalesced"  # held back, to be told as one with others
    REFUSED = "refused"  # beyond the hop limit, or it would reach too many


class Writing:
    """A transaction (`tx`) and the events emitted in it (`recorded`)."""

    def __init__(self, tx: Transaction, clock: Clock, follow: Follow, held: Held) -> None:
        self.tx = tx
        self.recorded: list[Recorded] = []
        self._clock, self._follow, self._held = clock, follow, held

    def emit(self, event: Event) -> Outcome:
        """Write `event`; its handlers run when `recorded` is handled. Raises `NotFound`."""
        event = event if event.time else msgspec.structs.replace(event, time=self._clock())
        held, recorded = len(self._held), len(self.recorded)
        self._follow(self.tx, event, self.recorded, self._held)
        if len(self._held) > held:
            return Outcome.COALESCED
        if len(self.recorded) == recorded:
            return Outcome.DUPLICATE
        return Outcome.HANDLED if self.recorded[-1].refused is None else Outcome.REFUSED
