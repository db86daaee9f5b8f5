"""Secrets in an operation: fetched from the conductor while it runs, and kept out of everything that it leaves.

Marks in what a plugin is given become values, values in what it returns become marks again.
"""

from collections.abc import Callable, Iterator
from typing import Any

from floria.plugins.effects.redaction import Redaction
from floria.plugins.faults import Fault
from khutulun import marks
from khutulun.agent import messages
from khutulun.bus import interface as bus

WITHOUT = frozenset({"stop", "delete", "inspect", "logs"})
"""Verbs that go on when a secret is gone: whatever is wrong with a workload, it can be looked at and taken down."""


class Lent:
    """The secrets of one call. `conceal` is told of each before the plugin has it."""

    def __init__(self, over: bus.Bus, workload: messages.Workload, function: str) -> None:
        self._bus, self._workload, self._function = over, workload, function
        self._redaction, self._marking = Redaction(), Redaction()
        self.conceal: Callable[[str, str], None] | None = None

    def get(self, name: str) -> str:
        """Return a secret by its name, for a plugin to which it was granted. Raises `Fault`."""
        answer = self._ask(name, "")
        if answer.problem is not None:
            raise Fault(answer.problem.code, answer.problem.message, False, {"hint": answer.problem.hint})
        return self._known(name, answer)

    def fill(self, data: Any) -> Any:
        """Return JSON data with values in place of marks. What only looks like a mark stays. Raises `Fault`."""
        if not marks.may_be_in(data):
            return data
        values: dict[str, str] = {}
        for name, tag in dict.fromkeys(marks.find(data)):
            answer = self._ask(name, tag)
            if answer.problem is not None:
                if self._function in WITHOUT:
                    continue
                raise Fault(answer.problem.code, answer.problem.message, False, {"hint": answer.problem.hint})
            if answer.known:
                values[marks.write(name, tag)] = self._known(name, answer)
        return _replaced(data, values) if values else data

    def places(self, site: dict[str, Any]) -> list[str]:
        """Return where marks stand in a site, as paths: drivers may treat what comes there with more care."""
        return sorted(_places(site, "")) if marks.may_be_in(site) else []

    def mark(self, data: Any) -> Any:
        """Return JSON data with marks in place of values."""
        return self._marking.data(data)

    def redacted(self, data: Any) -> Any:
        """Return JSON data with the names of secrets in place of values."""
        return self._redaction.data(data)

    def _known(self, name: str, answer: messages.SecretAnswer) -> str:
        self._redaction.add(name, answer.value)
        self._marking.add(f"{name} {answer.tag}", answer.value)
        if self.conceal is not None:
            self.conceal(name, answer.value)
        return answer.value

    def _ask(self, name: str, tag: str) -> messages.SecretAnswer:
        request = messages.Secret(workload=self._workload, name=name, tag=tag)
        try:
            return self._bus.request("conductor.secret", request, messages.SecretAnswer)
        except bus.BusError as error:
            raise Fault("secrets-unreachable", str(error), True) from None


def _places(data: Any, path: str) -> Iterator[str]:
    if isinstance(data, str) and marks.MARK.search(data):
        yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list | tuple) else ()
    for key, value in items:
        yield from _places(value, f"{path}/{key}" if path else str(key))


def _replaced(data: Any, values: dict[str, str]) -> Any:
    match data:
        case str():
            return marks.MARK.sub(lambda found: values.get(found[0], found[0]), data)
        case list() | tuple():
            return [_replaced(item, values) for item in data]
        case dict():
            return {_replaced(key, values): _replaced(value, values) for key, value in data.items()}
        case _:
            return data
