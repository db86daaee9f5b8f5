"""Rows about a workload that runs: each gets a `Trial` whose service is deployed, and leaves it deployed."""

import re
import time
from collections.abc import Callable, Iterator

from khutulun import model
from khutulun.api import arguments
from khutulun.testing.drivers.description import Row
from khutulun.testing.drivers.serving import Failed
from khutulun.testing.drivers.trial import Trial, essence

LOOKS = ("inspect", "logs", "exec", "adopt")
"""Verbs that are not called for their own sake in `twice`."""


def planned(trial: Trial, act: Callable[[], object], request: model.DeployRequest) -> None:
    """Do what a request asks for, and compare what was done with the plan. Raises `Failed`."""
    plan = trial.server.client.plan(request)
    before = len(trial.changes())
    act()
    expected = sorted(essence(effect) for effect in plan.effects if effect.change)
    found = sorted(trial.changes()[before:])
    if expected != found:
        raise Failed(f"planned {_only(expected, found)}, done {_only(found, expected)}")


def twice(trial: Trial) -> None:
    """Every verb that it has, twice."""
    before, same = trial.look(), trial.same()
    verbs = trial.verbs()
    for verb in ("create", "configure", "start", "update", "inspect"):
        if verb in verbs:
            _again(trial, verb)
    if trial.look() != before or trial.same() != same:
        raise Failed("calling verbs again has changed the running workload")
    down = [verb for verb in ("stop", "delete") if verb in verbs]
    for verb in down:
        _again(trial, verb)
    if down and trial.there():
        raise Failed(f"after {' and '.join(down)} it is still there")
    for verb in ("create", "configure", "start"):
        if verb in verbs:
            trial.call(verb)
    if trial.look() != before:
        raise Failed("made anew, it is not as it was")


def logs(trial: Trial) -> None:
    asked = arguments.Logs(trial.service, trial.node)
    with trial.server.client.logs(asked) as stream:
        found = b"".join(data for _, data in stream).decode(errors="replace")
    if not re.search(trial.kit.log, found):
        raise Failed(f"{trial.kit.log!r} is not in the log: {found[-500:]!r}")


def execute(trial: Trial) -> None:
    assert trial.kit.exec is not None
    target = f"{trial.service}/{trial.node}"
    done = trial.server.command("exec", target, "--", *trial.kit.exec.argv)
    if done.returncode or not re.search(trial.kit.exec.says, done.stdout):
        raise Failed(f"it ended with {done.returncode} and said {(done.stdout + done.stderr).strip()!r}")
    code = trial.server.command("exec", target, "--", "sh", "-c", "exit 7").returncode
    if code != 7:
        raise Failed(f"'exit 7' came back as {code}")


def differences(trial: Trial) -> None:
    """What is changed by hand is told, and `update` called by hand mends it."""
    found = trial.server.client.validate(trial.service)
    if found:
        raise Failed(f"nothing was changed, and yet: {found}")
    before = trial.look()
    trial.shell(trial.kit.change)
    if not trial.server.client.validate(trial.service):
        raise Failed("the change by hand was not noticed")
    with trial.server.following() as coming:
        trial.call("update")
        if found := _settled(coming, trial):
            raise Failed(f"after 'update' there is still {found}")
    if trial.look() != before:
        raise Failed("after 'update' it is not as it was")


def update(trial: Trial) -> None:
    before = trial.look()
    planned(trial, trial.update, trial.request(trial.kit.updated))
    if trial.look() == before:
        raise Failed("the everyday tool shows no difference")
    plan = trial.server.client.plan(trial.request(trial.kit.updated))
    if any(effect.change for effect in plan.effects):
        raise Failed(f"what was just done is planned again: {[essence(effect) for effect in plan.effects]}")


def events(trial: Trial) -> None:
    with trial.server.following() as coming:
        trial.shell(trial.kit.fail)
        await_event(coming, trial, trial.kit.failed)
        if trial.kit.recovered:
            await_event(coming, trial, trial.kit.recovered)
        else:
            trial.call("start")
    trial.look()


def off(trial: Trial) -> None:
    """Neither an end in order nor a kill of Khutulun touches the workload."""
    before, same = trial.look(), trial.same()
    for end in (trial.server.stop, trial.server.kill):
        end()
        if (trial.look(), trial.same()) != (before, same):
            raise Failed("it is not as it was once Khutulun had ended")
        trial.server.start()
        if (trial.look(), trial.same()) != (before, same):
            raise Failed("it is not as it was once Khutulun was there again")
    if found := trial.server.client.validate(trial.service):
        raise Failed(f"after the start of Khutulun: {found}")


def missed(trial: Trial) -> None:
    """What happens while Khutulun is off is an event at its next start."""
    trial.server.stop()
    trial.shell(trial.kit.end)
    last = time.time_ns()
    trial.server.start()
    with trial.server.client.events(arguments.Events(service=trial.service, after=0, follow=True)) as coming:
        await_event((event for event in coming if event.time >= last), trial, trial.kit.ended)


def await_event(coming: Iterator[model.Event], trial: Trial, name: str) -> None:
    """Return when an event of the node comes; the server's end ends the waiting. Raises `Failed`."""
    seen: list[str] = []
    try:
        for event in coming:
            if event.kind == "event" and event.node == trial.node:
                if event.name == name:
                    return
                seen.append(event.name)
    except model.Refused as lost:
        raise Failed(f"no event {name!r} came, only {seen}: {lost}") from None
    raise Failed(f"no event {name!r} came, only {seen}")


def _settled(coming: Iterator[model.Event], trial: Trial) -> list[model.Difference]:
    """Return the differences; while only the state is another, the event that tells of it is awaited."""
    while (found := trial.server.client.validate(trial.service)) and all(one.what == "state" for one in found):
        try:
            next(coming)
        except (StopIteration, model.Refused):
            break
    return found


def _again(trial: Trial, verb: str) -> None:
    first, second = trial.call(verb), trial.call(verb)
    if first.result != second.result:
        raise Failed(f"{verb} returned {first.result!r}, then {second.result!r}")


def _only(some: list[tuple[str, str, str, str]], others: list[tuple[str, str, str, str]]) -> list[str]:
    return [" ".join(each) for each in some if each not in others] or ["the same, in another number"]


ROWS: dict[Row, Callable[[Trial], None]] = {
    Row.TWICE: twice,
    Row.LOGS: logs,
    Row.EXEC: execute,
    Row.DIFFERENCES: differences,
    Row.UPDATE: update,
    Row.EVENTS: events,
    Row.OFF: off,
    Row.MISSED: missed,
}
