"""Regular expressions in linear time: no pattern and no text can make ``$matches`` hang.

The tree from `puccini.functions.patterns` becomes a list of steps; sets of steps are followed through the text, and
what a set becomes under a character is remembered. `puccini.functions.text` calls this.
"""

import functools
from collections.abc import Iterable
from typing import TypeAlias

from puccini.functions import characters, patterns
from puccini.functions.characters import Predicate
from puccini.functions.patterns import Anchor, Choice, One, PatternError, Repeat, Sequence, Tree

__all__ = ["Matcher", "PatternError", "compiled"]

MAX_STEPS = 5000
_REMEMBERED = 20_000

_Step: TypeAlias = tuple[str, Predicate | str | None, tuple[int, ...]]
_State: TypeAlias = tuple[frozenset[int], str]


@functools.lru_cache(maxsize=256)
def compiled(pattern: str) -> "Matcher":
    """Return the matcher of a pattern. Raises `PatternError`."""
    return Matcher(patterns.parse(pattern))


class Matcher:
    """Searches texts for what a pattern describes."""

    def __init__(self, tree: Tree) -> None:
        self._steps: list[_Step] = []
        end = self._add("match", None, ())
        self._start = self._compile(tree, end)
        self._next: dict[tuple[_State, str], _State | None] = {}
        self._last: dict[_State, bool] = {}

    def search(self, text: str) -> bool:
        """Whether the pattern fits anywhere in `text`."""
        state: _State = (frozenset([self._start]), "")
        for character in text:
            key = (state, character)
            if key in self._next:
                following = self._next[key]
            else:
                following = self._follow(state, character)
                if len(self._next) >= _REMEMBERED:
                    self._next.clear()
                self._next[key] = following
            if following is None:
                return True
            state = following
        if state not in self._last:
            if len(self._last) >= _REMEMBERED:
                self._last.clear()
            self._last[state] = 0 in self._reach(state, "")
        return self._last[state]

    def _follow(self, state: _State, character: str) -> _State | None:
        """Return the state after `character`, or None when the pattern has fitted before it."""
        reached = self._reach(state, character)
        if 0 in reached:
            return None
        after = {self._start}
        for position in reached:
            kind, fits, following = self._steps[position]
            if kind == "one" and callable(fits) and fits(character):
                after.update(following)
        return frozenset(after), "w" if characters.is_word(character) else "n"

    def _reach(self, state: _State, character: str) -> set[int]:
        """Return the steps that are reached without a character, between what was before and `character`."""
        positions, before = state
        boundary = (before == "w") is not (character != "" and characters.is_word(character))
        holds = {"begin": before == "", "end": character == "", "boundary": boundary, "inside": not boundary}
        reached: set[int] = set()
        waiting = list(positions)
        while waiting:
            position = waiting.pop()
            if position in reached:
                continue
            reached.add(position)
            kind, what, following = self._steps[position]
            if kind == "fork" or (kind == "anchor" and isinstance(what, str) and holds[what]):
                waiting.extend(following)
        return reached

    def _compile(self, tree: Tree, then: int) -> int:
        """Add the steps of `tree`, which lead on to `then`; return the first."""
        match tree:
            case One():
                return self._add("one", tree.fits, (then,))
            case Anchor():
                return self._add("anchor", tree.kind, (then,))
            case Sequence():
                return functools.reduce(lambda after, part: self._compile(part, after), reversed(tree.parts), then)
            case Choice():
                return self._add("fork", None, [self._compile(part, then) for part in tree.parts])
            case Repeat():
                return self._repeat(tree, then)

    def _repeat(self, tree: Repeat, then: int) -> int:
        if tree.most is None:
            loop = self._add("fork", None, ())
            self._steps[loop] = ("fork", None, (self._compile(tree.part, loop), then))
            first = loop
        else:
            first = then
            for _ in range(tree.most - tree.least):
                first = self._add("fork", None, (self._compile(tree.part, first), then))
        for _ in range(tree.least):
            first = self._compile(tree.part, first)
        return first

    def _add(self, kind: str, what: Predicate | str | None, following: Iterable[int]) -> int:
        if len(self._steps) >= MAX_STEPS:
            raise PatternError("it is too large; use fewer or smaller repetitions")
        self._steps.append((kind, what, tuple(following)))
        return len(self._steps) - 1
