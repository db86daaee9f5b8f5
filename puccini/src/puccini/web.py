"""Who sees whose names in a web of files that import each other, however many there are and in whatever circles.

Made by the loader when all files are linked; `puccini.units` asks it before it follows imports one by one. A set of
files is an integer with a bit for each.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from puccini.units import Found, Link, Section, Unclear, Unit

Files: TypeAlias = int
Brought: TypeAlias = list[tuple[Link, Unit]]
"""Files that define a name, each with the import that brings it."""


UNCLEAR: Final = Unclear()


class Web:
    """The files of one load."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = units
        self._place = {id(unit): place for place, unit in enumerate(units)}
        self._reach = self._reaches()
        self._definers: dict[tuple[Section, str], list[int]] = defaultdict(list)
        for place, unit in enumerate(units):
            for section, name in unit.definitions:
                self._definers[section, name].append(place)
        self._behind: dict[tuple[Files, str], Files] = {}
        self._namespaces: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for place, unit in enumerate(units):
            for link in unit.links:
                if link.namespace:
                    self._namespaces[link.namespace].append((place, self._place[id(link.unit)]))
        self._ambiguous = [name for name, places in self._definers.items() if len(places) > 1]
        self._known: dict[Files, list[tuple[Section, str]]] = {}

    def find(self, unit: Unit, section: Section, name: str) -> Found | Unclear | None:
        """Return what `name` means in `unit`."""
        own = unit.local(section)
        if name in own:
            return Found(unit, own[name])
        seen = self._reach[self._place[id(unit)]]
        places = self._in(section, name, seen)
        if ":" in name:
            for namespace, rest in _splits(name):
                if namespace in self._namespaces:
                    if places or ":" in rest:
                        return UNCLEAR
                    name, places = rest, self._in(section, rest, self._within(seen, namespace))
        if not places:
            return None
        if len(places) > 1:
            return UNCLEAR
        owner = self._units[places[0]]
        return Found(owner, owner.local(section)[name])

    def conflicts(
        self, links: Sequence[Link], own: Unit | None
    ) -> Iterator[tuple[Section, str, list[tuple[Link, Unit]]]]:
        """Yield the names that several files define which `links` bring into one namespace, with who brings them.

        With `own`, its names are in that namespace too; a name of its own that one other file brings is yielded.
        """
        brought = [self._reach[self._place[id(link.unit)]] for link in links]
        everything = 0
        for files in brought:
            everything |= files
        bit = 1 << self._place[id(own)] if own is not None else 0
        for section, name in self._several(everything | bit):
            left = ~bit
            found: Brought = []
            for link, files in zip(links, brought, strict=True):
                for place in self._in(section, name, files & left):
                    found.append((link, self._units[place]))
                    left &= ~(1 << place)
            if found:
                yield section, name, found

    def _several(self, files: Files) -> list[tuple[Section, str]]:
        """Return the names that more than one of `files` define."""
        if files not in self._known:
            self._known[files] = [name for name in self._ambiguous if len(self._in(*name, files)) > 1]
        return self._known[files]

    def _in(self, section: Section, name: str, files: Files) -> list[int]:
        return [place for place in self._definers.get((section, name), ()) if files >> place & 1]

    def _within(self, seen: Files, namespace: str) -> Files:
        """Return what `namespace` leads to from any of the files that are `seen`."""
        key = (seen, namespace)
        if key not in self._behind:
            found = 0
            for place, target in self._namespaces[namespace]:
                if seen >> place & 1:
                    found |= self._reach[target]
            self._behind[key] = found
        return self._behind[key]

    def _reaches(self) -> list[Files]:
        """Return for each file those whose names are in its root namespace, itself included."""
        links = [
            [self._place[id(link.unit)] for link in unit.links if not link.namespace and id(link.unit) in self._place]
            for unit in self._units
        ]
        reach = [0] * len(links)
        for circle in circles(links):
            found = 0
            for one in circle:
                found |= 1 << one
                for other in links[one]:
                    found |= reach[other]
            for one in circle:
                reach[one] = found
        return reach


def circles(links: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the circles (most are one file alone) that `links` make, each after everything that it leads to.

    This is Tarjan's algorithm, without recursion.
    """
    order, low = [-1] * len(links), [0] * len(links)
    open: list[int] = []
    inside = [False] * len(links)
    clock = 0
    for root in range(len(links)):
        following: int | None = root if order[root] < 0 else None
        path: list[tuple[int, Iterator[int]]] = []
        while path or following is not None:
            if following is not None:
                order[following] = low[following] = clock
                clock += 1
                open.append(following)
                inside[following] = True
                path.append((following, iter(links[following])))
            place, rest = path[-1]
            following = None
            for other in rest:
                if order[other] < 0:
                    following = other
                    break
                if inside[other]:
                    low[place] = min(low[place], order[other])
            if following is not None:
                continue
            path.pop()
            if path:
                low[path[-1][0]] = min(low[path[-1][0]], low[place])
            if low[place] == order[place]:
                start = open.index(place, max(0, len(open) - (clock - order[place])))
                circle = open[start:]
                del open[start:]
                for one in circle:
                    inside[one] = False
                yield circle


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Yield every way to read `name` as a namespace and a name in it."""
    place = name.find(":")
    while place >= 0:
        yield name[:place], name[place + 1 :]
        place = name.find(":", place + 1)
