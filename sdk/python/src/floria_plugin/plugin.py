"""A plugin: its functions, what it asks for, and how calls reach it. The carriers drive it."""

import inspect
import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from floria_plugin.context import Context, Host, Json
from floria_plugin.faults import Fault, Permanent

CONTRACT = "0.1"
F = TypeVar("F", bound=Callable[..., Any])


class Plugin:
    """Functions under a name. `grants` is what it asks for, `artifacts` the TOSCA artifact classes it processes.

    The name `plugin` is what carriers look for in the main module.
    """

    def __init__(
        self,
        name: str,
        version: str,
        *,
        description: str = "",
        grants: Mapping[str, Json] | None = None,
        artifacts: Sequence[str] = (),
        sources: Sequence[Mapping[str, Json]] = (),
    ) -> None:
        self.name, self.version, self.description = name, version, description
        self.grants = dict(grants or {})
        self.artifacts = list(artifacts)
        self.sources = [dict(source) for source in sources]
        self.functions: dict[str, Callable[..., Any]] = {}
        self._described: dict[str, dict[str, Json]] = {}
        self._signatures: dict[str, inspect.Signature] = {}

    def function(self, name: str | None = None, *, query: bool = False, description: str = "") -> Callable[[F], F]:
        """Make a function callable: it gets the `Context`, then the arguments of the call.

        A `query` only looks. The description is the first line of the docstring unless given.
        """

        def register(function: F) -> F:
            self.add(name or function.__name__, function, query=query, description=description)
            return function

        return register

    def add(self, name: str, function: Callable[..., Any], *, query: bool = False, description: str = "") -> None:
        """Register `function` under `name`."""
        if name in self.functions:
            raise ValueError(f"plugin {self.name} has two functions named {name!r}")
        self.functions[name] = function
        self._signatures[name] = inspect.signature(function)
        first = (inspect.getdoc(function) or "").split("\n", 1)[0]
        self._described[name] = {"description": description or first, "query": query}

    def describe(self) -> dict[str, Json]:
        """Return the manifest."""
        return {
            "name": self.name,
            "version": self.version,
            "contract": CONTRACT,
            "description": self.description,
            "functions": self._described,
            "sources": self.sources,
            "artifacts": self.artifacts,
            "grants": self.grants,
        }

    def call(self, host: Host, function: str, site: Json, arguments: Sequence[Json]) -> Json:
        """Call a function; raises `Fault` only: a bug in it becomes ``plugin-error`` with its traceback."""
        found = self.functions.get(function)
        if found is None:
            raise Permanent("unknown-function", f"{self.name} has no function {function!r}")
        context = Context(host, site)
        try:
            self._signatures[function].bind(context, *arguments)
        except TypeError as error:
            raise Permanent("invalid-arguments", f"{self.name}.{function}: {error}") from None
        try:
            return found(context, *arguments)
        except Fault:
            raise
        except Exception as error:
            detail = {"traceback": traceback.format_exc()[-8000:]}
            message = f"{self.name}.{function}: {type(error).__name__}: {error}"
            raise Permanent("plugin-error", message, detail) from None

    def main(self) -> None:
        """Serve the calls of one host on stdin and stdout: the executable carrier."""
        from floria_plugin import executable

        executable.serve(self)


def dumps(value: Json) -> str:
    """Return the JSON text of what a function returned; raises `Permanent` for what JSON cannot hold."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise Permanent("invalid-result", str(error)) from None


def _plain(value: object) -> Json:
    to_plain = getattr(value, "to_plain", None)
    if to_plain is None:
        raise TypeError(f"{type(value).__name__} is not JSON data")
    return to_plain()
