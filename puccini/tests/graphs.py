"""Services in memory, for tests that look at the graph: compiled and instantiated as everywhere, many in one store."""

from collections.abc import Mapping
from typing import Any

import puccini
from floria import codec, difference, graph, instantiation
from floria.entities import Edge, Vertex
from floria.evaluation import Context, EvaluationError, Functions
from floria.graph import Graph
from floria.store.memory import MemoryStore
from floria.values import Value
from puccini import functions
from puccini.sources import Source

VERSION = "tosca_definitions_version: tosca_2_0\n"


class Graphs:
    """Services by name; each lies in a directory of its own, as with an orchestrator."""

    def __init__(self) -> None:
        self.functions = Functions()
        functions.register(self.functions)
        self.store = MemoryStore()
        self.roots: dict[str, Any] = {}
        self.notes: list[str] = []

    def compile(self, source: Source, name: str, others: tuple[str, ...] = (), entry: str = "main.yaml") -> Any:
        loaded = puccini.load(source, entry)
        assert not loaded.failed, [str(one) for one in loaded.diagnostics]
        return puccini.compile(loaded, name, puccini.find_candidates(loaded, (), [(source, one) for one in others]))

    def deploy(
        self,
        source: Source,
        name: str = "shop",
        inputs: Mapping[str, Value] | None = None,
        others: tuple[str, ...] = (),
        entry: str = "main.yaml",
    ) -> None:
        """Make a service. Raises `InstantiationError`."""
        plan = instantiation.instantiate(
            self.store,
            self.compile(source, name, others, entry),
            name=name,
            directory=f"/{name}",
            functions=self.functions,
            inputs=inputs,
        )
        self.roots[name] = plan.root
        self.notes = [str(note) for note in plan.notes]

    def update(self, name: str, inputs: Mapping[str, Value], source: Source, others: tuple[str, ...] = ()) -> None:
        """Change a service to what its source says with these inputs."""
        with self.store.write() as tx:
            changed = difference.plan_change(
                tx, self.roots[name], self.compile(source, name, others), inputs, functions=self.functions
            )
            difference.apply_change(tx, changed)
            for id in changed.difference.obsolete:
                if tx.get(id) is not None:
                    tx.delete(id)

    def current(self, name: str = "shop") -> Graph:
        with self.store.read() as reader:
            return graph.load(reader, self.roots[name])

    def edges(self, requirement: str, name: str = "shop") -> list[str]:
        """Return ``SOURCE -> TARGET`` of each relationship of a requirement, without the service's name."""
        found = [one for one in self.current(name).edges.values() if one.name == requirement]
        return sorted(f"{self._label(one.source, name)} -> {self._label(one.target, name)}" for one in found)

    def nodes(self, name: str = "shop") -> list[str]:
        vertexes = self.current(name).vertexes.values()
        return sorted(self._label(one, name) for one in vertexes if "tosca:node" in one.classes)

    def value(self, place: str, property: str, name: str = "shop") -> Any:
        """Return a property, evaluated, in plain form; of a failed one the code of the error."""
        current = self.current(name)
        everything: list[Vertex | Edge] = [*current.vertexes.values(), *current.edges.values()]
        (entity,) = [one for one in everything if self._label(one, name) == place]
        with self.store.read() as reader:
            try:
                return codec.to_plain(Context(reader, self.functions, entity=entity).property(entity.id, property))
            except EvaluationError as error:
                return f"!{error.code}"

    def output(self, output: str, name: str = "shop") -> Any:
        return self.value("", output, name)

    def _label(self, entity: Any, name: str) -> str:
        with self.store.read() as reader:
            label = Context(reader, self.functions).label(entity)
        return label.removeprefix(name).removeprefix("/")
