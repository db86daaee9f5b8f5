"""Demands: the edges that vertices of a plan need, decided one after another until nothing changes any more.

Mandatory ones come first. A decision that depends on what has no value yet, or on edges yet to be decided, is put off;
when nothing else can be decided, the first that has enough certain candidates is decided with those (R83).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import msgspec

from floria.entities import Edge, EdgeTemplate
from floria.evaluation import Clock, Context, EvaluationError, Library, Run
from floria.ids import Id
from floria.instantiation.attempt import Attempt, Demand, Shared, problem
from floria.instantiation.draft import Draft
from floria.instantiation.finding import Candidates
from floria.instantiation.hooks import Hooks
from floria.instantiation.problems import Problem


class Demands:
    """All demands of one plan. `form` says how an edge between two vertices looks.

    With `fresh`, decisions go by what properties are going to be, and not by what they were (a running instance).
    """

    def __init__(
        self,
        draft: Draft,
        candidates: Candidates,
        hooks: Hooks,
        functions: Library,
        clock: Clock,
        form: Callable[[EdgeTemplate, Id, Id, int, Edge | None], Edge],
        *,
        fresh: bool = False,
    ) -> None:
        self._draft, self._functions, self._clock, self._fresh = draft, functions, clock, fresh
        self._shared = Shared(draft, candidates, hooks, form, defaultdict(list), defaultdict(set))
        self._pending: list[Demand] = []
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []

    def add(self, template: EdgeTemplate, source: Id, existing: Iterable[Edge] = ()) -> None:
        """Ask for the edges of `template` from `source`."""
        self._pending.append(Demand(template, source, list(existing)))
        self._shared.siblings[source, template.name].append(template)
        self._draft.expect(source, template.name)

    def settle(self) -> None:
        """Decide all demands; what stays unsatisfied is in `problems`, for optional ones in `notes`."""
        mandatory = [demand for demand in self._pending if not demand.template.optional]
        optional = [demand for demand in self._pending if demand.template.optional]
        mandatory = self._fixpoint(mandatory)
        optional = self._fixpoint(optional)
        mandatory = self._fixpoint(mandatory)
        self.problems += [self._explanation(demand) for demand in mandatory]
        for demand in optional:
            self.notes.append(self._explanation(demand))
            self._decide(demand, force=True, partly=True)

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
        except EvaluationError:
            return False
        enough = attempt.wanted is None or len(attempt.edges) >= attempt.wanted
        if attempt.postponed or not (enough or partly):
            return False
        for edge in attempt.edges:
            self._accept(edge, attempt.kept)
        self._draft.expect(demand.source, demand.template.name, -1)
        return True

    def attempt(self, demand: Demand, *, force: bool) -> Attempt:
        """Look for the edges of a demand without forming them. Raises `EvaluationError`."""
        self._draft.provisional = False
        attempt = Attempt(self._shared, demand, self._context(demand), force)
        attempt.search()
        return attempt

    def _explanation(self, demand: Demand) -> Problem:
        try:
            return self.attempt(demand, force=True).unsatisfied()
        except EvaluationError as error:
            return problem(self._context(demand), demand, error.code, error.message)

    def _context(self, demand: Demand) -> Context:
        source = self._draft.vertexes[demand.source]
        run = Run(fresh=self._fresh, clock=self._clock)
        return Context(self._draft, self._functions, entity=source, source=source, run=run)

    def _accept(self, edge: Edge, kept: set[Id]) -> None:
        self._shared.used[edge.source, edge.name].add(edge.index)
        self._shared.candidates.counts.added(edge.target, edge.name)
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
