"""Demands: the edges that vertices of a plan need, decided one after another until nothing changes any more.

Mandatory ones come first. A decision that depends on what has no value yet, or on edges yet to be decided, is put off;
when nothing else can be decided, the first that has enough certain candidates is decided with those (R83).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import msgspec

from floria.entities import Edge, EdgeTemplate, Property, Vertex
from floria.evaluation import Clock, Context, EvaluationError, Library, Run
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


class Demand(msgspec.Struct):
    """The edges that `template` asks for from one vertex. `existing` are those of a running instance."""

    template: EdgeTemplate
    source: Id
    existing: list[Edge]
    failed: Problem | None = None


class Demands:
    """All demands of one plan. `form` says how an edge between two vertices looks."""

    def __init__(
        self,
        draft: Draft,
        candidates: Candidates,
        hooks: Hooks,
        functions: Library,
        clock: Clock,
        form: Callable[[EdgeTemplate, Id, Id, int, Edge | None], Edge],
    ) -> None:
        self._draft, self._candidates, self._hooks = draft, candidates, hooks
        self._functions, self._clock, self._form = functions, clock, form
        self._pending: list[Demand] = []
        self._siblings: dict[tuple[Id, str], list[EdgeTemplate]] = defaultdict(list)
        self._used: dict[tuple[Id, str], set[int]] = defaultdict(set)
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []

    def add(self, template: EdgeTemplate, source: Id, existing: Iterable[Edge] = ()) -> None:
        """Ask for the edges of `template` from `source`."""
        self._pending.append(Demand(template, source, list(existing)))
        self._siblings[source, template.name].append(template)
        self._draft.expect(source, template.name)

    def settle(self) -> None:
        """Decide all demands; what stays unsatisfied is in `problems`, for optional ones in `notes`."""
        mandatory = [demand for demand in self._pending if not demand.template.optional]
        optional = [demand for demand in self._pending if demand.template.optional]
        mandatory = self._fixpoint(mandatory)
        optional = self._fixpoint(optional)
        mandatory = self._fixpoint(mandatory)
        self.problems += [demand.failed for demand in mandatory if demand.failed is not None]
        for demand in optional:
            self._decide(demand, force=True, partly=True)
        self.notes += [demand.failed for demand in optional if demand.failed is not None]

    def _fixpoint(self, pending: list[Demand]) -> list[Demand]:
        """Decide what can be, in alternating order so that chains in either direction take few rounds."""
        while pending:
            left = [demand for demand in pending if not self._decide(demand)]
            left = [demand for demand in reversed(left) if not self._decide(demand)]
            left.reverse()
            if len(left) == len(pending):
                left = [one for one in left if not (self._decide(one) or self._decide(one, force=True))]
                if len(left) == len(pending):
                    return left
            pending = left
        return pending

    def _decide(self, demand: Demand, *, force: bool = False, partly: bool = False) -> bool:
        """Form the edges of a demand, or with `partly` as many as there can be. False: it is not decided.

        Without `force`, not while a candidate that might come first is undecided.
        """
        try:
            attempt = self.attempt(demand, force=force)
        except EvaluationError as error:
            demand.failed = _problem(self._context(demand), demand, error.code, error.message)
            return False
        enough = attempt.wanted is None or len(attempt.edges) >= attempt.wanted
        if attempt.postponed or not (enough or partly):
            demand.failed = attempt.unsatisfied()
            return False
        if enough:
            demand.failed = None
        for edge in attempt.edges:
            self._accept(edge, attempt.kept)
        self._draft.expect(demand.source, demand.template.name, -1)
        return True

    def attempt(self, demand: Demand, *, force: bool) -> "Attempt":
        """Look for the edges of a demand without forming them. Raises `EvaluationError`."""
        self._draft.provisional = False
        attempt = Attempt(self, demand, self._draft.vertexes[demand.source], self._context(demand), force)
        attempt.search()
        return attempt

    def _context(self, demand: Demand) -> Context:
        source = self._draft.vertexes[demand.source]
        return Context(self._draft, self._functions, entity=source, source=source, run=Run(clock=self._clock))

    def _accept(self, edge: Edge, kept: set[Id]) -> None:
        self._used[edge.source, edge.name].add(edge.index)
        self._candidates.counts.added(edge.target, edge.name)
        self._draft.add_edge(edge, kept=edge.id in kept)
        for name in edge.allocation:
            self._fix_capacity(edge.target, name)

    def _fix_capacity(self, target: Id, name: str) -> None:
        """Write a capacity that was evaluated, so that the store can allocate from it."""
        vertex = self._draft.vertexes.get(target)
        if vertex is None or vertex.properties[name].value is not msgspec.UNSET:
            return
        value = Context(self._draft, self._functions, entity=vertex, run=Run(clock=self._clock)).property(target, name)
        fixed = msgspec.structs.replace(vertex.properties[name], value=value, time=self._clock())
        self._draft.replace(msgspec.structs.replace(vertex, properties={**vertex.properties, name: fixed}))


class Attempt:
    """One try to decide a demand. Changes nothing: the edges it found are accepted afterwards, or dropped."""

    def __init__(self, demands: Demands, demand: Demand, source: Vertex, context: Context, force: bool) -> None:
        self._demands, self._demand, self._source, self._force = demands, demand, source, force
        self._context, self._draft, self._candidates = context, demands._draft, demands._candidates
        self._template = demand.template
        self.wanted = count(context, demand.template.count, unbounded=True)
        self._look_for = self._candidates.wanted(self._template, self._owner_index())
        self._amounts = self._evaluate_amounts()
        self._base = self._first_index()
        self._next = self._base
        self._taken = set(demands._used[source.id, demand.template.name])
        self._targets: set[Id] = set()
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
                self._keep(edge)
        pool = self._candidates.pool(self._look_for, self._template.name)
        finder = self._template.finder
        try:
            if self._demands._hooks.__class__.select is not Hooks.select or (finder and finder.select):
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
        problem = _problem(self._context, self._demand, "floria.unsatisfied", message)
        return msgspec.structs.replace(problem, wanted=wanted, found=len(self.edges), refusals=tuple(refusals))

    def explained(self) -> Iterator[Refusal]:
        """Yield why candidates were refused, then why what is close to a candidate is none."""
        yield from self.refusals
        yield from self._candidates.near_misses(self._look_for)

    def _open(self) -> bool:
        return not self.postponed and (self.wanted is None or len(self.edges) < self.wanted)

    def _take(self, pool: finding.Pool) -> None:
        while self._open() and (id := pool.draw()) is not None:
            self._try(id)

    def _select(self, pool: finding.Pool) -> None:
        accepted: dict[Id, Edge] = {}
        kept = len(self.edges)
        while not self.postponed and (id := pool.draw()) is not None:
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
        chosen = self._demands._hooks.select(self._template, self._source, vertexes, self._context)
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
        self._draft.provisional = False
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
        edge = self._demands._form(self._template, self._source.id, id, index, existing)
        edge = msgspec.structs.replace(edge, allocation=self._amounts)
        return self._before(edge) or "a hook refuses it"

    def _before(self, edge: Edge) -> Edge | None:
        hooks = self._demands._hooks
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

    def _owner_index(self) -> int | None:
        finder = self._template.finder
        if finder is None or finder.owner_index is None:
            return None
        return count(self._context, finder.owner_index)

    def _first_index(self) -> int:
        """Return the first index of this template's edges: after those of earlier templates with the same name."""
        first = 0
        for other in self._demands._siblings[self._source.id, self._template.name]:
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


def _problem(context: Context, demand: Demand, code: str, message: str) -> Problem:
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
