"""Instantiate: from a design to vertices and edges, planned first and then made in one transaction.

plan = instantiation.plan(reader, bundle, name="hello", inputs={"port": 8080}, functions=functions)
instantiation.apply(tx, plan)
"""

from floria.instantiation.application import apply, instantiate
from floria.instantiation.hooks import AFTER, BEFORE, Hooks
from floria.instantiation.planning import INPUTS, Plan, Source, plan
from floria.instantiation.problems import InstantiationError, Problem, Refusal

__all__ = [
    "AFTER",
    "BEFORE",
    "INPUTS",
    "Hooks",
    "InstantiationError",
    "Plan",
    "Problem",
    "Refusal",
    "Source",
    "apply",
    "instantiate",
    "plan",
]
