"""What the caller of a plugin lends it: the graph, evaluation, secrets and a log, bound to the site of the call."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from floria.plugins.grants import Scope

Json: TypeAlias = object


class GraphAccess(Protocol):
    """Entities in plain form. Raises `Fault` (``not-found``, ``conflict``, …).

    `effect` is the id of the effect: performing a change again under the same id has no further effect.
    """

    def permits(self, id: str, scope: Scope) -> bool:
        """Whether the entity lies in `scope`, as seen from the site."""
        ...

    def get(self, id: str) -> Json:
        """Return an entity."""
        ...

    def query(self, query: Json, scope: Scope) -> Json:
        """Return the list of entities in `scope` that the query selects."""
        ...

    def set_property(self, id: str, name: str, value: Json, effect: str) -> Json: ...
    def create(self, entity: Json, scope: Scope, effect: str) -> Json:
        """Create an entity whose owner lies in `scope`; return it."""
        ...

    def delete(self, id: str, effect: str) -> Json: ...
    def emit(self, id: str, event: str, detail: Json, effect: str) -> Json: ...
    def claim(self, space: str, key: str, effect: str) -> Json:
        """Take a key of a space of the site's host for the site's entity; False when another one has it."""
        ...

    def release(self, space: str, key: str, effect: str) -> Json: ...
    def claims(self, space: str) -> Json:
        """Return the list of the keys that are claimed."""
        ...


Evaluate: TypeAlias = Callable[[Json], Json]
Secrets: TypeAlias = Callable[[str], str]
Log: TypeAlias = Callable[[str, str], None]
