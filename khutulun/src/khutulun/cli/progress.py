"""Follows an execution through the event stream, and shows it: nodes live on a terminal, plain lines elsewhere.

The stream only says that something has changed; what is shown is the execution itself, asked for again. Events that
come while one is asked for lead to one more question, not to many.
"""

import shutil
import sys
import threading
from collections.abc import Callable
from typing import Protocol, Self

import click

from khutulun import model
from khutulun.api import arguments
from khutulun.cli import text
from khutulun.cli.options import Remote
from khutulun.client import EventStream

SYMBOLS = {
    model.StepState.PENDING: "·",
    model.StepState.RUNNING: "▸",
    model.StepState.DONE: "✓",
    model.StepState.FAILED: "✗",
    model.StepState.SKIPPED: "-",
}
_ORDER = (
    model.StepState.FAILED,
    model.StepState.RUNNING,
    model.StepState.SKIPPED,
    model.StepState.PENDING,
    model.StepState.DONE,
)


class Display(Protocol):
    """Shows an execution as it is now, again and again."""

    def show(self, execution: model.Execution) -> None: ...


class Lines:
    """A line for each step that has changed."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[model.StepState, str]] = {}

    def show(self, execution: model.Execution) -> None:
        for step in execution.steps:
            now = (step.state, step.operation)
            if step.state is not model.StepState.PENDING and self._shown.get(step.node) != now:
                self._shown[step.node] = now
                click.echo(f"{execution.service}: {step_line(step)}", err=True)


class Live:
    """A block of lines at the end of the terminal that is painted over."""

    def __init__(self) -> None:
        self._height = 0

    def show(self, execution: model.Execution) -> None:
        size = shutil.get_terminal_size()
        lines = [line[: size.columns - 1] for line in block(execution, max(3, size.lines - 2))]
        back = f"\x1b[{self._height}A\r\x1b[J" if self._height else ""
        sys.stderr.write(back + "".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
        self._height = len(lines)


def step_line(step: model.Step) -> str:
    """Return a step as one line."""
    parts = [SYMBOLS[step.state], text.clean(step.node), step.state.value]
    if step.operation and step.state in (model.StepState.RUNNING, model.StepState.FAILED):
        parts.append(text.clean(step.operation))
    if step.problem is not None:
        parts.append(f"({text.clean(step.problem.message)})")
    return " ".join(parts)


def block(execution: model.Execution, height: int) -> list[str]:
    """Return what a terminal of `height` lines shows: what matters most, and how many are done."""
    done = sum(step.state is model.StepState.DONE for step in execution.steps)
    head = f"{execution.service}: {execution.workflow}, {done} of {len(execution.steps)} done"
    if len(execution.steps) < height:
        return [head, *text.indent(map(step_line, execution.steps))]
    chosen = sorted(execution.steps, key=lambda step: _ORDER.index(step.state))[: height - 2]
    left = len(execution.steps) - len(chosen)
    return [head, *text.indent(map(step_line, chosen)), f"  … and {left} more"]


def follow(remote: Remote, start: Callable[[], model.Execution], *, service: str | None, wait: bool) -> model.Execution:
    """Start an execution and show it until it has ended; without `wait`, only start it.

    `service` narrows the events when it exists already. Ctrl-C stops following, not the execution.
    """
    if not wait:
        return start()
    asked = arguments.Events(service=service, directory=remote.directory, follow=True, limit=1)
    with remote.client.events(asked) as events, _Watch(events) as watch:
        execution = start()
        try:
            return watch.until_end(remote, execution, Live() if sys.stderr.isatty() else Lines())
        except KeyboardInterrupt:
            click.echo(f"\n{execution.service}: {execution.workflow} goes on without you", err=True)
            click.echo(f"hint: look at it with 'khutulun service show {execution.service}'", err=True)
            raise


class _Watch:
    """Listens to events in a thread of its own."""

    def __init__(self, events: EventStream) -> None:
        self._events = events
        self._changed = threading.Event()
        self._lost: model.Refused | None = None
        self._thread = threading.Thread(target=self._listen, name="events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.stop()
        self._thread.join()

    def until_end(self, remote: Remote, execution: model.Execution, display: Display) -> model.Execution:
        display.show(execution)
        while execution.state == "running":
            self._changed.wait()
            self._changed.clear()
            if self._lost is not None:
                raise _left(execution, self._lost)
            execution = _again(remote, execution)
            display.show(execution)
        return execution

    def _listen(self) -> None:
        try:
            for event in self._events:
                if event.kind in ("step", "execution"):
                    self._changed.set()
        except model.Refused as refused:
            self._lost = refused
        else:
            self._lost = model.refuse("connection-lost", "the server ended the event stream", status=503)
        self._changed.set()


def _again(remote: Remote, execution: model.Execution) -> model.Execution:
    try:
        return remote.client.execution(execution.id)
    except model.Refused as refused:
        if refused.problems[0].code not in ("connection-lost", "no-server"):
            raise
        raise _left(execution, refused) from refused


def _left(execution: model.Execution, lost: model.Refused) -> model.Refused:
    return model.refuse(
        "connection-lost",
        f"the server went away during {execution.workflow}: {lost}",
        where=execution.service,
        hint="the work is kept and goes on when the server is started again ('khutulun serve'); "
        f"then look with 'khutulun service show {execution.service}'",
        status=503,
    )
