"""Rows about what goes wrong: Khutulun killed, the tool missing or sick, the disk full. Each begins with no service."""

import contextlib
import re

from khutulun import model
from khutulun.testing.drivers import mortal
from khutulun.testing.drivers.description import Fault, Row
from khutulun.testing.drivers.serving import Failed
from khutulun.testing.drivers.trial import Trial, problems, told

GONE = ("connection-lost", "no-server")
"""What a client says of a server that has ended."""

UP, CHANGED, DOWN = "create,configure,start", "update", "stop,delete"


def killed(trial: Trial) -> None:
    """Kill the server at each effect of each verb, before and after it; the next one finishes, and is killed too."""
    counts, looks = _undisturbed(trial)
    kills = Kills(trial, looks)
    for moment in (mortal.BEFORE, mortal.AFTER):
        for number in range(1, max(counts.values()) + 1):
            before = len(trial.own_changes())
            for verbs, count in counts.items():
                kills.go(verbs, f"{moment} effect {number} of {verbs}", (number, moment) if number <= count else None)
            kills.finish()
            recorded, expected = len(trial.own_changes()) - before, sum(counts.values())
            if recorded != expected:
                raise Failed(f"{moment} effect {number}: {recorded} effects were recorded, {expected} without a kill")


def _undisturbed(trial: Trial) -> tuple[dict[str, int], dict[str, str]]:
    """Go through all workflows once; return how much each changes, and what the everyday tool shows then."""
    counts, looks = {}, {}
    before = len(trial.own_changes())
    for verbs, act in ((UP, trial.deploy), (CHANGED, trial.update), (DOWN, trial.undeploy)):
        act()
        after = trial.own_changes()
        counts[verbs] = sum(operation.rpartition(".")[2] in verbs.split(",") for _, operation, *_ in after[before:])
        looks[verbs] = trial.shown()
        before = len(after)
    if not looks[UP] or not looks[CHANGED] or looks[UP] == looks[CHANGED] or looks[DOWN]:
        raise Failed(f"deployed, updated and undeployed it is shown as {list(looks.values())}")
    return counts, looks


class Kills:
    """Workflows, one after the other, each in a server that is killed in it unless there is nothing to kill it at."""

    def __init__(self, trial: Trial, looks: dict[str, str]) -> None:
        self._trial, self._looks = trial, looks
        self._pending: tuple[model.Execution, str, str] | None = None

    def go(self, verbs: str, where: str, kill: tuple[int, str] | None) -> None:
        """Begin a workflow, once the one before is finished."""
        server = self._trial.server
        if kill is not None:
            server.stop()
            server.start_dying(verbs, *kill)
        self.finish()
        self._pending = _begin(self._trial, verbs), verbs, where
        if kill is None:
            self.finish()
            return
        server.let_die()
        with contextlib.suppress(model.Refused, Failed):
            ended = server.settled(self._pending[0])
            raise AssertionError(f"{where}: the server was not killed, and it is {ended.state}")
        server.died()

    def finish(self) -> None:
        """Have a server finish what is begun, and compare with what there is without a kill."""
        if not self._trial.server.running:
            self._trial.server.start()
        if self._pending is None:
            return
        execution, verbs, where = self._pending
        self._pending = None
        ended = self._trial.server.settled(self._trial.server.client.execution(execution.id))
        if ended.state != "done":
            raise Failed(f"{where}: {'; '.join(map(told, problems(ended)))}")
        if (found := self._trial.shown()) != self._looks[verbs]:
            raise Failed(f"{where}: the everyday tool shows {found!r}, without a kill {self._looks[verbs]!r}")


def _begin(trial: Trial, verbs: str) -> model.Execution:
    client = trial.server.client
    if verbs == DOWN:
        return client.undeploy(trial.service)
    if verbs == CHANGED:
        return client.update(trial.request(trial.kit.updated))
    return client.deploy(trial.request())


def sick(trial: Trial, row: Row) -> None:
    """In a bad place the deploy fails with words that help; in a good one it goes on, and can be undone."""
    fault = trial.kit.faults[row]
    trial.server.stop()
    trial.server.start_badly(fault, trial.environment())
    _complaint(trial, fault)
    trial.server.stop()
    trial.server.start()
    if trial.known():
        resumed = trial.server.client.resume(trial.service)
        ended = trial.server.settled(resumed)
        if ended.state != "done":
            raise Failed(f"with the tool well again: {'; '.join(map(told, problems(ended)))}")
    else:
        trial.deploy()
    trial.look()
    trial.undeploy()
    if trial.there():
        raise Failed("it is still there after the undeploy")


def _complaint(trial: Trial, fault: Fault) -> None:
    try:
        ended = trial.server.settled(trial.server.client.deploy(trial.request()))
    except model.Refused as refused:
        said = list(refused.problems)
    else:
        if ended.state == "done":
            raise Failed("it was deployed all the same")
        said = problems(ended)
    words = "; ".join(map(told, said))
    if not said or "Traceback" in words or any(not problem.message or not problem.hint for problem in said):
        raise Failed(f"what went wrong is not told with a hint: {words or 'nothing'}")
    if fault.says and not re.search(fault.says, words):
        raise Failed(f"it says {words!r}, which does not match {fault.says!r}")


LEGAL = "".join(map(chr, range(0x20, 0x7F)))


def named(trial: Trial) -> None:
    """Services and nodes with every character that is legal in their names; their realised names differ."""
    for service, node in NAMES:
        with trial.called(service, node):
            trial.deploy()
            trial.look()
            trial.undeploy()
            if trial.there():
                raise Failed(f"{service}/{node} is still there after the undeploy")


NAMES = (("Az09_.-", "a é☃ %$'"), ("0" * 63, "".join(each for each in LEGAL if each not in '/"')))


def by_hand(trial: Trial) -> None:
    """The history, run as a script on the machine as it was, makes the same."""
    with trial.called(f"{trial.service}-by-hand", trial.node):
        trial.deploy()
        expected = trial.look()
        script = trial.server.client.script(trial.service)
        trial.undeploy()
        trial.shell(script)
        found = trial.look()
        if found != expected:
            raise Failed(f"by hand it is {found!r}, else {expected!r}")
        trial.deploy()
        trial.undeploy()


def adopted(trial: Trial) -> None:
    """What runs already becomes the node, is not restarted, and is Khutulun's from then on; also if that is killed."""
    changes = _adopted(trial, None)
    for moment in (mortal.BEFORE, mortal.AFTER):
        for number in range(1, changes + 2):
            if (again := _adopted(trial, (number, moment))) != changes:
                raise Failed(f"killed {moment} {number} of adopt: {again} effects were recorded, {changes} without it")


def _adopted(trial: Trial, kill: tuple[int, str] | None) -> int:
    """Adopt, in a server that is killed in it and another one that finishes, or in one; return how much it changed."""
    adoption = trial.kit.adopt
    assert adoption is not None
    before = len(trial.own_changes())
    trial.shell(adoption.make)
    try:
        same = trial.shell(adoption.same).stdout
        wanted = {trial.node: adoption.existing}
        if kill is None:
            trial.deploy(adopt=wanted)
        else:
            _adopted_again(trial, wanted, kill)
        where = f"killed {kill[1]} {kill[0]} of adopt: " if kill is not None else ""
        if trial.shell(adoption.same).stdout != same:
            raise Failed(f"{where}it was restarted")
        changes = trial.own_changes()[before:]
        trial.undeploy()
    finally:
        trial.shell(adoption.remove)
    return sum(operation.rpartition(".")[2] == mortal.ADOPT for _, operation, *_ in changes)


def _adopted_again(trial: Trial, wanted: dict[str, str], kill: tuple[int, str]) -> None:
    """Begin in a server that is killed in it, perhaps before it has answered, and have the next one finish."""
    where = f"killed {kill[1]} {kill[0]} of adopt"
    trial.server.stop()
    trial.server.start_dying(mortal.ADOPT, *kill)
    try:
        asked = trial.server.client.deploy(trial.request(adopt=wanted))
        trial.server.let_die()
        ended = trial.server.settled(asked)
    except Failed:
        pass  # the events have ended
    except model.Refused as refused:
        if refused.problems[0].code not in GONE:
            raise
    else:
        raise Failed(f"{where}: the server was not killed, and it is {ended.state}")
    trial.server.died()
    trial.server.start()
    begun = trial.server.client.service(trial.service).execution
    assert begun is not None
    ended = trial.server.settled(begun)
    if ended.state != "done":
        raise Failed(f"{where}: {'; '.join(map(told, problems(ended)))}")
