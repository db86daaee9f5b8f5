"""The functions of TOSCA 2.0 (section 10) at run time, as the Floria namespace ``tosca``. See docs/tosca.md.

functions = floria.evaluation.Functions()
puccini.functions.register(functions)

`signatures` is the table of them, for parsers; nothing else of this package is imported before it is needed.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floria.evaluation import Context, Function, Functions
    from floria.values import Value
    from puccini.data import Evaluate

NAMESPACE = "tosca"


def library() -> "Mapping[str, Function]":
    """Return the functions by name, without the namespace."""
    from puccini.functions import builtin

    return builtin.FUNCTIONS


def register(functions: "Functions") -> None:
    """Add the library to a registry.

    What only an orchestrator executes (operations, trigger actions, custom functions) fails with
    ``tosca.not-a-function`` unless the orchestrator registers something for it.
    """
    from puccini.functions import builtin

    functions.register(NAMESPACE, builtin.FUNCTIONS)
    functions.resolver(NAMESPACE, builtin.refusal)


def evaluator(context: "Context", schema: "Mapping[str, Value]") -> "Evaluate":
    """Return what `puccini.data` needs as ``evaluate`` to coerce a value with `schema`.

    Clauses see the schema of the value they are about, so that ``$less_than: [ $value, 15 cm ]`` compares lengths.
    """
    from puccini.functions import preparation

    return preparation.Evaluator(context, schema)
