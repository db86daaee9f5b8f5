"""Placement: which host each node goes to, and the names that are taken there. `services` uses it."""

from collections.abc import Iterable

from floria.entities import Vertex
from floria.evaluation import Context, EvaluationError, Library
from floria.store.interface import Claimed, Transaction
from khutulun import model, names
from khutulun.conductor import registry, topology

NAMES = "khutulun.names"
"""Claim space of the names of realised things; service names are unique on an installation."""

PLACE = "place"
"""Event of a node that is to be put on a host."""


class Placement:
    """Puts nodes on hosts."""

    def __init__(self, functions: Library, found: registry.Registry) -> None:
        self._functions, self._registry = functions, found

    def claim(self, tx: Transaction, key: str, holder: Vertex) -> None:
        """Take a name for a service, or refuse it: somebody else has it."""
        try:
            tx.claim(NAMES, key, holder.id)
        except Claimed as error:
            other = tx.get(error.holder)
            where = other.directory if other is not None else "another directory"
            raise model.refuse(
                "name-taken",
                f"the name {key.rpartition('/')[2]!r} is taken by {where}",
                hint="names of services, and of the units and containers made for them, are unique on a machine",
                status=409,
            ) from None

    def place(self, tx: Transaction, found: topology.Topology, nodes: Iterable[Vertex]) -> None:
        """Put nodes on hosts: where their handlers of the event `place` say, else on the first there is."""
        hosts = self._registry.hosts(tx)
        if not hosts:
            raise model.refuse("no-host", "no host has joined yet", hint="is the agent running?", status=503)
        for node in nodes:
            host = self._chosen(tx, node, hosts)
            registry.place(tx, node, host)
            machine = str(names.realised(found.root.name, found.paths[node.id], node.index)["machine"])
            self.claim(tx, f"{host.name}/{machine}", found.root)

    def _chosen(self, tx: Transaction, node: Vertex, hosts: list[Vertex]) -> Vertex:
        """Ask the user's code; it returns the name of a host, or fails to refuse (R41)."""
        for handler in node.handlers:
            if handler.event != PLACE:
                continue
            try:
                wanted = Context(tx, self._functions, entity=node, event={"name": PLACE}).evaluate(handler.call)
            except EvaluationError as error:
                raise model.refuse(error.code, f"{node.name} is not placed: {error}", status=409) from None
            found = next((host for host in hosts if host.name == wanted), None)
            if found is None:
                known = ", ".join(host.name for host in hosts)
                raise model.refuse("unknown-host", f"{node.name}: no host is called {wanted!r}", hint=f"known: {known}")
            return found
        return hosts[0]
