"""A server that dies by its own hand at the n-th effect of certain verbs; a module to be run.

The arguments are the folder of its state, the verbs (separated by commas), the number of the effect, and ``before`` (it
is about to happen) or ``after`` (it has happened, and is not written down yet). `adopt` may change nothing at all, so
that there is no effect to die at: of that verb the operation itself is one more, the first before and the last after.
"""

import os
import signal
import sys
from pathlib import Path

from floria.plugins import effects
from khutulun import paths, server
from khutulun.agent import messages, operating
from khutulun.agent.effects import OperationJournal
from khutulun.agent.journal import Journal

BEFORE, AFTER = "before", "after"
ADOPT = "adopt"


class Death:
    """Counts the changes of `verbs` and ends the process with SIGKILL at the right one.

    It waits there until standard input says so, or ends: who has asked for the change gets the answer first.
    """

    def __init__(self, verbs: set[str], number: int, moment: str) -> None:
        self.verbs, self._left, self._moment = verbs, number, moment

    def at(self, moment: str) -> None:
        if moment != self._moment:
            return
        self._left -= 1
        if self._left == 0:
            os.read(sys.stdin.fileno(), 1)
            os.kill(os.getpid(), signal.SIGKILL)


class MortalJournal(OperationJournal):
    """The agent's memory of an operation, at which death waits."""

    death: Death | None = None

    def intent(self, effect: effects.Effect) -> None:
        super().intent(effect)
        if effect.change and self.death is not None:
            self.death.at(BEFORE)

    def result(self, effect: str, outcome: effects.Outcome) -> None:
        if effect in self._known and self.death is not None:
            self.death.at(AFTER)
        super().result(effect, outcome)


class MortalOperator(operating.Operator):
    """Gives operations of the verbs a mortal memory."""

    death: Death

    def _dispatch(self, request: messages.Operate, kept: OperationJournal | None) -> messages.Operated:
        verb = request.operation.rpartition(".")[2]
        if kept is None or verb not in self.death.verbs:
            return super()._dispatch(request, kept)
        kept = MortalJournal(self._memory(), request.id)
        kept.death = self.death
        if verb == ADOPT:
            self.death.at(BEFORE)
        answer = super()._dispatch(request, kept)
        if verb == ADOPT:
            self.death.at(AFTER)
        return answer

    def _memory(self) -> Journal:
        return self._journal


def main(state: str, verbs: str, number: str, moment: str) -> None:
    from khutulun.agent import agent

    MortalOperator.death = Death(set(verbs.split(",")), int(number), moment)
    setattr(agent, operating.Operator.__name__, MortalOperator)
    server.serve(paths.default_scope(), state=Path(state), socket=None, log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
