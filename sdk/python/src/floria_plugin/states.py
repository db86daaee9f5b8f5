"""The states of a node."""

from enum import StrEnum


class State(StrEnum):
    """The states of a node (TOSCA 2.0 section 11), and `failed` for one that ended by itself."""

    INITIAL = "initial"
    CREATING = "creating"
    CREATED = "created"
    CONFIGURING = "configuring"
    CONFIGURED = "configured"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DELETING = "deleting"
    DELETED = "deleted"
    FAILED = "failed"
    ERROR = "error"
