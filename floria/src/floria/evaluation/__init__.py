"""Evaluation of values that hold calls: what a function library is written against (see docs/floria.md).

functions = Functions()
functions.register("tosca", {"concat": concat})
functions.resolver("*", find_plugin_function)
Context(reader, functions, entity=vertex).property(vertex.id, "port")
"""

from floria.evaluation.context import (
    Actions,
    Clock,
    Context,
    Function,
    Key,
    Library,
    Run,
    must_pull,
    properties_of,
)
from floria.evaluation.registry import Functions, Resolver
from floria.failing import EvaluationError

__all__ = [
    "Actions",
    "Clock",
    "Context",
    "EvaluationError",
    "Function",
    "Functions",
    "Key",
    "Library",
    "Resolver",
    "Run",
    "must_pull",
    "properties_of",
]
