"""Relationships of a substituted node, passed to the requirements inside that they are mapped to (section 15.5).

Passing is part of finding a target: who requires something inside accepts only the nodes that the outside leads to.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from floria.values import Call, Value
from puccini.model.service import RequirementUse, Segment


class Passed(NamedTuple):
    """An assignment that is fulfilled from outside where there is a `segment`."""

    use: RequirementUse
    segment: Segment | None
    number: Value
    optional: bool


def distribute(uses: Sequence[RequirementUse], more: RequirementUse, segments: Sequence[Segment]) -> Iterator[Passed]:
    """Yield each assignment of one requirement, or parts of it, with what it gets.

    Dangling assignments get relationships in order, one each; what is left goes to `more`, up to the upper bound.
    """
    slots = _Slots(segments)
    used = 0
    for use in uses:
        if use.target is not None:
            yield Passed(use, None, use.count, use.optional)
        elif isinstance(use.count, int):
            yield from _one_by_one(use, use.count, slots)
        else:
            for segment in slots.rest():
                count = use.count if segment.span is None else segment.span
                yield Passed(use, segment, count, use.optional)
        used += use.count if isinstance(use.count, int) else 0
    upper = more.requirement.count_range.upper
    left = None if upper is None else max(0, upper - used)
    for segment in slots.rest():
        if left == 0:
            return
        if segment.span is None:
            yield Passed(more, segment, Call("tosca:passed_count", [*segment, left]), True)
            return
        span = segment.span if left is None else min(segment.span, left)
        yield Passed(more, segment._replace(span=span), span, True)
        left = None if left is None else left - span


def condition(segment: Segment) -> tuple[Value, str]:
    """Return what is true of a node that is passed, and the reason against others."""
    last = "" if segment.span is None else f" to {segment.first + segment.span - 1}"
    place = f"relationship {segment.first}" if segment.span == 1 else f"relationships {segment.first}{last or ' on'}"
    reason = f"{place} of the requirement {segment.requirement} of the substituted node does not lead to it"
    return Call("tosca:is_passed", [*segment]), reason


def _one_by_one(use: RequirementUse, count: int, slots: "_Slots") -> Iterator[Passed]:
    for done in range(count):
        segment = slots.take()
        if segment is None:
            yield Passed(use, None, count - done, use.optional)
            return
        yield Passed(use, segment, 1, use.optional)


class _Slots:
    """Relationships that are passed to one requirement, in order."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._left = list(segments)

    def take(self) -> Segment | None:
        """Return the next relationship."""
        while self._left:
            segment = self._left[0]
            if segment.span == 0:
                self._left.pop(0)
                continue
            span = None if segment.span is None else segment.span - 1
            self._left[0] = Segment(segment.requirement, segment.first + 1, span)
            return segment._replace(span=1)
        return None

    def rest(self) -> list[Segment]:
        """Return all others."""
        rest, self._left = [one for one in self._left if one.span != 0], []
        return rest
