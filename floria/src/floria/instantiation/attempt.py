"""One try to find the targets of one demand; see `floria.instantiation.demands`."""

import itertools
from collections.abc import Callable, Iterator

import msgspec

from floria.entities import Edge, EdgeTemplate, Property, Vertex
from floria.evaluation import Context, EvaluationError
from floria.functions import arguments
from floria.ids import Id
from floria.instantiation import finding
from floria.instantiation.draft import Draft
from floria.instantiation.finding import Candidates, Wanted
from floria.instantiation.hooks import BEFORE, Hooks, declared
from floria.instantiation.problems import Problem, Refusal, origin
from floria.values import Call, Value

UNBOUNDED = "unbounded"
MAX_COUNT = 1_000_000
MAX_NEAR_MISSES = 100


class Demand(msgspec.Struct):
    """The edges that `template` asks for from one vertex. `existing` are those of a running instance."""

    template: EdgeTemplate
    source: Id
    existing: list[Edge]


class Shared(msgspec.Struct):
    """What the attempts of one plan share.

    `form` says how an edge between two vertices looks; `siblings` are the templates with one name from one source,
    `used` the indexes of the edges that were formed for them.
    """

    draft: Draft
    candidates: Candidates
    hooks: Hooks
    form: Callable[[EdgeTemplate, Id, Id, int, Edge | None], Edge]
    siblings: dict[tuple[Id, str], list[EdgeTemplate]]
    used: dict[tuple[Id, str], set[int]]


class Attempt:
    """One try to decide a demand. Changes nothing: the edges it found are accepted afterwards, or dropped."""

    def __init__(self, shared: Shared, demand: Demand, context: Context, force: bool) -> None:
        self._shared, self._demand, self._force = shared, demand, force
        self._context, self._draft, self._candidates = context, shared.draft, shared.candidates
        self._source = shared.draft.vertexes[demand.source]
        self._template = demand.template
        self.wanted = count(context, demand.template.count, unbounded=True)
        self._base = self._first_index()
        self._look_for = self._candidates.wanted(self._template, self._owner_index(self._base))
        self._amounts = self._evaluate_amounts()
        self._next = self._base
        self._taken = set(shared.used[demand.source, demand.template.name])
        self._targets: set[Id] = set()
        self._short: tuple[str, int | float] | None = None
        self.edges: list[Edge] = []
        self.kept: set[Id] = set()
        self.refusals: list[Refusal] = []
        self.postponed = context.reader is self._draft and self._draft.provisional and not force

    def search(self) -> None:
        """Keep the edges there are, then find as many as are missing."""
        if self.postponed:
            return
        for edge in self._demand.existing:
            if self._open() and self._in_range(edge.index) and edge.index not in self._taken:
                self._turn_to(edge.index)
                self._keep(edge)
        finder = self._template.finder
        if self._varies:
            self._one_by_one()
            return
        equal = () if self._force or finder is None else tuple(finder.equal.items())
        pool = self._candidates.pool(self._look_for, self._template.name, equal)
        try:
            if self._shared.hooks.__class__.select is not Hooks.select or (finder and finder.select):
                self._select(pool)
            else:
                self._take(pool)
        finally:
            pool.restore()

    def unsatisfied(self) -> Problem:
        """Return the explanation: what was wanted, what there is, and why each candidate was refused."""
        refusals = list(self.explained())
        wanted = self.wanted or 0
        message = f"requirement {self._template.name!r} finds {len(self.edges)} of {wanted} targets"
        if not refusals:
            message += f"; {_description(self._look_for, self._candidates, bool(self.edges))}"
        found = problem(self._context, self._demand, "floria.unsatisfied", message)
        return msgspec.structs.replace(found, wanted=wanted, found=len(self.edges), refusals=tuple(refusals))

    def explained(self) -> Iterator[Refusal]:
        """Yield why candidates were refused, then why what is close to a candidate is none."""
        yield from self.refusals
        yield from itertools.islice(self._candidates.near_misses(self._look_for), MAX_NEAR_MISSES)

    def _open(self) -> bool:
        return not self.postponed and (self.wanted is None or len(self.edges) < self.wanted)

    def _take(self, pool: finding.Pool) -> None:
        amounts = {} if self._force else self._amounts
        while self._open() and (id := pool.draw(amounts)) is not None:
            if self._try(id):
                pool.took()
            elif self._short is not None:
                pool.scarce(*self._short)

    def _select(self, pool: finding.Pool) -> None:
        accepted: dict[Id, Edge] = {}
        kept = len(self.edges)
        while not self.postponed and (id := pool.draw({})) is not None:
            if self._try(id):
                accepted[id] = self.edges.pop()
                self._taken.discard(accepted[id].index)
        if self.postponed:
            return
        for id in self._selected(list(accepted)):
            if self._open() and id in accepted:
                self._add(msgspec.structs.replace(accepted.pop(id), index=self._free_index()))
        if len(self.edges) - kept < (self.wanted or 0):
            self.refusals += [self._refusal(id, "it was not selected") for id in accepted]

    def _selected(self, accepted: list[Id]) -> list[Id]:
        vertexes = [one for one in self._draft.get_many(accepted) if isinstance(one, Vertex)]
        chosen = self._shared.hooks.select(self._template, self._source, vertexes, self._context)
        if chosen is not None:
            return list(chosen)
        finder = self._template.finder
        if finder is None or finder.select is None:
            return accepted
        call = Call(finder.select.function, [*finder.select.arguments, [str(id) for id in accepted]])
        result = self._context.evaluate(call)
        if not isinstance(result, list) or any(one not in accepted for one in result):
            message = f"{call.function} returned {arguments.kind(result)}, not a list of accepted candidates"
            raise EvaluationError("floria.bad-hook", message)
        return [Id(str(one)) for one in result]

    def _keep(self, edge: Edge) -> None:
        if self._candidates.is_candidate(edge.target, self._look_for):
            self._draft.give_back(edge.id)
            try:
                if self._try(edge.target, edge):
                    self.kept.add(edge.id)
            finally:
                self._draft.take_back(edge.id)

    def _try(self, id: Id, existing: Edge | None = None) -> bool:
        """Add an edge to `id` unless there is a reason against it."""
        if id in self._targets:
            return False
        self._draft.provisional, self._short = False, None
        try:
            edge = self._formed(id, existing)
        except EvaluationError as error:
            undecided = error.code not in ("floria.refused", "floria.no-property") or self._draft.provisional
            self.refusals.append(self._refusal(id, error.message, undecided))
            self.postponed = undecided and not self._force
            return False
        if isinstance(edge, str):
            self.refusals.append(self._refusal(id, edge, self._draft.provisional))
            self.postponed = self._draft.provisional and not self._force
            return False
        if self._draft.provisional and not self._force:
            self.refusals.append(self._refusal(id, "it depends on edges that are not decided", True))
            self.postponed = True
            return False
        self._add(edge)
        return True

    def _add(self, edge: Edge) -> None:
        self.edges.append(edge)
        self._targets.add(edge.target)
        self._taken.add(edge.index)

    def _formed(self, id: Id, existing: Edge | None) -> Edge | str:
        """Return the edge to a candidate, or why there is none."""
        if self._is_own(id):
            return "it is part of the source itself"
        if reason := self._predicate(id) or self._capacity(id):
            return reason
        index = existing.index if existing is not None else self._free_index()
        edge = self._shared.form(self._template, self._source.id, id, index, existing)
        edge = msgspec.structs.replace(edge, allocation=self._amounts)
        return self._before(edge) or "a hook refuses it"

    def _before(self, edge: Edge) -> Edge | None:
        hooks = self._shared.hooks
        if not edge.handlers and hooks.__class__.before_edge is Hooks.before_edge:
            return edge
        context = self._context.with_(entity=edge)
        changed = declared(context, edge, BEFORE)
        return None if changed is None else hooks.before_edge(changed, context)

    def _predicate(self, id: Id) -> str | None:
        finder = self._template.finder
        if finder is None or finder.predicate is True:
            return None
        candidate = self._draft.get(id)
        result = self._context.with_(entity=candidate, candidate=candidate).evaluate(finder.predicate)
        if result is True:
            return None
        return result if isinstance(result, str) else "the predicate is not true of it"

    def _capacity(self, id: Id) -> str | None:
        for name, amount in self._amounts.items():
            capacity = self._context.with_(entity=self._draft.get(id)).property(id, name)
            if isinstance(capacity, bool) or not isinstance(capacity, int | float):
                return f"its {name} is {arguments.kind(capacity)}, not a capacity"
            left = capacity - self._draft.allocated(id, name)
            if amount > left:
                if not self._draft.provisional:
                    self._short = (name, left)
                return f"{name}: {amount} asked, {left} left"
            if id not in self._draft.vertexes and not _is_set(self._draft.get(id), name):
                return f"its {name} has no stored value to allocate from"
        return None

    def _evaluate_amounts(self) -> dict[str, int | float]:
        finder = self._template.finder
        if finder is None or not finder.allocation:
            return {}
        amounts: dict[str, int | float] = {}
        for name, value in finder.allocation.items():
            amount = self._context.evaluate(value)
            if isinstance(amount, bool) or not isinstance(amount, int | float) or not amount >= 0:
                raise EvaluationError("floria.bad-allocation", f"allocation of {name}: {arguments.kind(amount)}")
            amounts[name] = amount
        return amounts

    @property
    def _varies(self) -> bool:
        """Whether each edge may be to lead to another representation, by its own index."""
        return self._template.finder is not None and isinstance(self._template.finder.owner_index, Call)

    def _turn_to(self, index: int) -> None:
        if self._varies:
            self._look_for = self._candidates.wanted(self._template, self._owner_index(index))

    def _one_by_one(self) -> None:
        while self._open():
            found = len(self.edges)
            self._turn_to(self._free_index())
            pool = self._candidates.pool(self._look_for, self._template.name)
            try:
                while len(self.edges) == found and not self.postponed and (id := pool.draw({})) is not None:
                    self._try(id)
            finally:
                pool.restore()
            if len(self.edges) == found:
                return

    def _owner_index(self, index: int) -> int | None:
        """Return which representation of its owner the target of the edge with `index` belongs to."""
        finder = self._template.finder
        if finder is None or finder.owner_index is None:
            return None
        if not isinstance(finder.owner_index, Call):
            return count(self._context, finder.owner_index)
        template = self._template
        edge = Edge(id=template.id, name=template.name, source=self._source.id, target=self._source.id, index=index)
        return count(self._context.with_(entity=edge), finder.owner_index)

    def _first_index(self) -> int:
        """Return the first index of this template's edges: after those of earlier templates with the same name."""
        first = 0
        for other in self._shared.siblings[self._source.id, self._template.name]:
            if other is self._template and self.wanted is not None:
                break
            first += (count(self._context, other.count, unbounded=True) or 0) if other is not self._template else 0
        return first

    def _in_range(self, index: int) -> bool:
        return index >= self._base and (self.wanted is None or index < self._base + self.wanted)

    def _free_index(self) -> int:
        while self._next in self._taken:
            self._next += 1
        return self._next

    def _is_own(self, id: Id) -> bool:
        if id == self._source.id:
            return True
        vertex = self._draft.vertexes.get(id)
        while vertex is not None and vertex.parent is not None:
            if vertex.parent == self._source.id:
                return True
            vertex = self._draft.vertexes.get(vertex.parent)
        return False

    def _refusal(self, id: Id, reason: str, undecided: bool = False) -> Refusal:
        return Refusal(id, self._candidates.label(id), reason, undecided)


def count(context: Context, value: Value, *, unbounded: bool = False) -> int | None:
    """Return a count, evaluated: an integer from 0, or None for ``"unbounded"``. Raises `EvaluationError`."""
    found = value if isinstance(value, int) else context.evaluate(value)
    if unbounded and found == UNBOUNDED:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= MAX_COUNT:
        raise EvaluationError(
            "floria.bad-count", f"a count from 0 to {MAX_COUNT} was expected, not {arguments.kind(found)}"
        )
    return found


def _is_set(entity: object, name: str) -> bool:
    found = getattr(entity, "properties", {}).get(name, Property())
    return isinstance(found, Property) and found.value is not msgspec.UNSET


def problem(context: Context, demand: Demand, code: str, message: str) -> Problem:
    template = demand.template
    where = context.label(demand.source)
    return Problem(code, message, where, template.id, origin(template), template.name)


def _description(wanted: Wanted, candidates: Candidates, others: bool) -> str:
    what = ("other " if others else "") + (" and ".join(wanted.classes) or "vertex")
    owner = f" that belongs to {' and '.join(wanted.owner_classes)}" if wanted.owner_classes else ""
    if wanted.target is not None:
        return f"its target {wanted.target} does not exist"
    if wanted.owner is not None:
        return f"there is no {what} in {candidates.owner_label(wanted.owner, wanted.owner_index)}"
    return f"there is no {what}{owner} in {wanted.scope}"
