"""A report that remembers what was said by whom, so that a part of it can be said again. Used by `puccini.session`.

Problems are kept with their nodes and become diagnostics only at the end: nodes know where they are in a file whose
lines have moved since.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from operator import itemgetter
from typing import Any, TypeAlias

from puccini.diagnostics import Diagnostic, Report
from puccini.nodes import Node

Said: TypeAlias = "partial[None]"
"""A call of a method of `Report`, without the report."""


class Journal(Report):
    """`owner` says on whose behalf reports are made now: a template, or nobody in particular."""

    keeps = True

    def __init__(self, strict: bool = False, origins: Mapping[str, Node] | None = None) -> None:
        super().__init__(strict, origins)
        self._said: dict[str, list[tuple[int, Said]]] = {}
        self._count = 0
        self._recording: list[list[Said]] = []

    def error(
        self, code: str, message: str, node: Node, hint: str = "", *, key: bool = False, related: Node | None = None
    ) -> None:
        self._say(partial(Report.error, code=code, message=message, node=node, hint=hint, key=key, related=related))

    def warn(
        self, code: str, message: str, node: Node, hint: str = "", *, key: bool = False, related: Node | None = None
    ) -> None:
        self._say(partial(Report.warn, code=code, message=message, node=node, hint=hint, key=key, related=related))

    def add(self, diagnostic: Diagnostic) -> None:
        self._say(partial(Report.add, diagnostic=diagnostic))

    def repeat(self, said: list[Said]) -> None:
        """Say again what was recorded."""
        for one in said:
            self._say(one)

    @contextmanager
    def recorded(self) -> Iterator[list[Said]]:
        """Record what is said meanwhile."""
        said: list[Said] = []
        self._recording.append(said)
        try:
            yield said
        finally:
            self._recording.pop()

    def forget(self, owner: str) -> None:
        """Take back what `owner` said."""
        self._said.pop(owner, None)

    def owners(self) -> set[str]:
        """Return on whose behalf anything is said that stands."""
        return {owner for owner, said in self._said.items() if said}

    def told(self) -> Report:
        """Return a report of everything that stands."""
        report = Report(self.strict, self.origins)
        report.files = self.files
        for _, said in sorted((one for all in self._said.values() for one in all), key=itemgetter(0)):
            said.func(report, **said.keywords)
        return report

    def sorted(self) -> tuple[Diagnostic, ...]:
        return self.told().sorted()

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.told())

    def __len__(self) -> int:
        return len(self.told())

    def _say(self, said: Any) -> None:
        self._said.setdefault(self.owner, []).append((self._count, said))
        self._count += 1
        for one in self._recording:
            one.append(said)
