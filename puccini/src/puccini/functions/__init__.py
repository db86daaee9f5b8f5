"""The functions of TOSCA 2.0 (section 10) at run time, as the Floria namespace ``tosca``. See docs/functions.md.

functions = floria.evaluation.Functions()
puccini.functions.register(functions)

`signatures` is the table of them, for parsers; nothing else of this package is imported before it is needed.
"""

import importlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floria.evaluation import Context, Function, Functions
    from floria.values import Value
    from puccini.data import Evaluate
    from puccini.functions.custom import Run

NAMESPACE = "tosca"
_COMMON = ("logic", "comparison", "graph", "collections", "text", "arithmetic")


def library() -> "Mapping[str, Function]":
    """Return the functions by name, without the namespace."""
    from puccini.functions import builtin

    return builtin.FUNCTIONS


@cache
def find(name: str) -> "Function | None":
    """Return one function of the library, which imports no more of it than is needed for most."""
    for part in _COMMON:
        functions: Mapping[str, Function] = importlib.import_module(f"puccini.functions.{part}").FUNCTIONS
        if name in functions:
            return functions[name]
    return library().get(name)


def register(functions: "Functions", run: "Run | None" = None) -> None:
    """Add the library to a registry; `run` runs custom functions.

    What only an orchestrator executes (operations, trigger actions, workflows, and custom functions without `run`)
    fails with ``tosca.not-a-function`` unless the orchestrator registers something for it.
    """
    from puccini.functions import builtin

    functions.register(NAMESPACE, builtin.FUNCTIONS)
    functions.resolver(NAMESPACE, builtin.refusal)
    if run is not None:
        functions.register(NAMESPACE, {"call": caller(run)})


def caller(run: "Run") -> "Function":
    """Return the function ``tosca:call``, with which custom functions are run by `run`."""
    from puccini.functions import custom

    return custom.caller(run)


def evaluator(context: "Context", schema: "Mapping[str, Value]") -> "Evaluate":
    """Return what `puccini.data` needs as ``evaluate`` to coerce a value with `schema`.

    Clauses see the schema of the value they are about, so that ``$less_than: [ $value, 15 cm ]`` compares lengths.
    """
    from puccini.functions import preparation

    return preparation.Evaluator(context, schema)
