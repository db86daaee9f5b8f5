"""States of nodes: which operation leads to which, and what is kept beside them."""

ERROR = "error"
"""State of a node whose operation has failed."""

FAILED = "failed"
"""State of a node whose workload has failed by itself, as its events tell."""

DELETED = "deleted"
"""State of a node that was taken down."""

WELL = frozenset({"created", "configured", "starting", "started", "stopping", "stopped", DELETED})
"""States of nodes that have not failed, or no longer."""

INTENDED = "khutulun.intended"
"""Property of a node: the state that its last operation was to bring about, whatever became of it (R61)."""

STALE = "khutulun.stale"
"""Property of a node whose driver has to be told of other property values."""

STATES = {
    "create": ("creating", "created"),
    "configure": ("configuring", "configured"),
    "start": ("starting", "started"),
    "stop": ("stopping", "stopped"),
    "delete": ("deleting", "deleted"),
    "adopt": ("creating", "started"),
}
"""Of an operation: the node's state while it runs, and after it (TOSCA 2.0 section 11.2 leaves them to us)."""
