"""Difference: between graphs, between designs, and between what runs and what a design would give.

change = difference.plan_change(reader, root, bundle, {"port": 8081}, functions=functions)
difference.apply_change(tx, change)
"""

from floria.difference.change import EVALUATED, Change, apply_change, plan_change
from floria.difference.comparison import Comparison, Modified, PropertyChange, compare, compare_bundles

__all__ = [
    "EVALUATED",
    "Change",
    "Comparison",
    "Modified",
    "PropertyChange",
    "apply_change",
    "compare",
    "compare_bundles",
    "plan_change",
]
