"""The registry in which `Context` looks up functions."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from floria.evaluation.context import Context, Function, Library
from floria.failing import EvaluationError
from floria.functions import graph, logic, text

Resolver: TypeAlias = Callable[[Context, str], Function | None]
"""Gets the context of the call and the full name; returns the function, or None when it knows none."""

BUILT_IN = "floria"


class Functions(Library):
    """Functions by namespace. A registered function wins over a resolver, a resolver of a namespace over ``*``.

    The namespace ``floria`` is always there.
    """

    def __init__(self) -> None:
        self._registered: dict[str, Function] = {}
        self._resolvers: dict[str, list[Resolver]] = {}
        for library in (graph.FUNCTIONS, logic.FUNCTIONS, text.FUNCTIONS):
            self.register(BUILT_IN, library)

    def register(self, namespace: str, functions: Mapping[str, Function]) -> None:
        """Add effect-free functions. Raises `ValueError` when one of them is there already."""
        for name, function in functions.items():
            full = f"{namespace}:{name}"
            if full in self._registered:
                raise ValueError(f"the function {full} is registered already")
            self._registered[full] = function

    def resolver(self, namespace: str, resolver: Resolver) -> None:
        """Ask `resolver` for unregistered functions of `namespace` (``*``: of any); the latest is asked first."""
        self._resolvers.setdefault(namespace, []).insert(0, resolver)

    def find(self, context: Context, name: str) -> tuple[Function, bool]:
        """Return the function and whether it comes from a resolver. Raises ``floria.no-function``."""
        registered = self._registered.get(name)
        if registered is not None:
            return registered, False
        namespace = name.partition(":")[0]
        for resolver in (*self._resolvers.get(namespace, ()), *self._resolvers.get("*", ())):
            if (function := resolver(context, name)) is not None:
                return function, True
        raise EvaluationError("floria.no-function", f"there is no function {name!r}{self._known(namespace)}")

    def names(self, namespace: str) -> list[str]:
        """Return the registered functions of a namespace, sorted, without it."""
        prefix = f"{namespace}:"
        return sorted(name.removeprefix(prefix) for name in self._registered if name.startswith(prefix))

    def _known(self, namespace: str) -> str:
        names = self.names(namespace)
        return f"; {namespace} has: {', '.join(names)}" if names else f"; no functions of {namespace!r} are known"
