"""The routes, once, as data: handlers, the client and the OpenAPI document are all made from this table.

A route's `name` is the conductor's method and the OpenAPI operation id. Nothing heavy is imported here: the command
line reads it too.
"""

from enum import StrEnum
from typing import Any

import msgspec

from khutulun import model
from khutulun.api import arguments


class Kind(StrEnum):
    """How a route is answered."""

    ANSWER = "answer"  # one answer: JSON, or plain text when `answer` is str
    EVENTS = "events"  # NDJSON or SSE
    LOGS = "logs"  # text or frames
    EXECUTE = "execute"  # a WebSocket of frames
    DOCUMENT = "document"  # the OpenAPI document


class Route(msgspec.Struct, frozen=True):
    """`whole`: the conductor takes the arguments as one request. `content`: the body is raw bytes."""

    name: str
    method: str
    path: str
    summary: str
    arguments: type[msgspec.Struct] = arguments.Nothing
    answer: Any = None
    status: int = 200
    kind: Kind = Kind.ANSWER
    whole: bool = False
    content: bool = False

    @property
    def in_path(self) -> tuple[str, ...]:
        """The arguments that stand in the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def in_body(self) -> tuple[str, ...]:
        """The arguments that stand in the JSON body."""
        if self.method in ("GET", "DELETE") or self.content:
            return ()
        return tuple(name for name in self.arguments.__struct_fields__ if name not in self.in_path)

    @property
    def in_query(self) -> tuple[str, ...]:
        """The arguments that stand in the query."""
        taken = {*self.in_path, *self.in_body}
        return tuple(name for name in self.arguments.__struct_fields__ if name not in taken)

    @property
    def repeated(self) -> tuple[str, ...]:
        """The arguments that stand in the query once for each of their items."""
        types = self.arguments.__annotations__
        return tuple(name for name in self.in_query if str(types[name]).startswith("tuple["))


_SERVICE = "/v1/services/{service}"
_NODE = _SERVICE + "/nodes/{node}"

ROUTES = (
    Route("info", "GET", "/v1/info", "About the server", answer=model.Info),
    Route("openapi", "GET", "/v1/openapi.json", "This document", kind=Kind.DOCUMENT),
    Route(
        "upload", "POST", "/v1/archives", "Keep a CSAR or a Floria bundle, and get its digest",
        answer=str, status=201, content=True,
    ),
    Route(
        "plan", "POST", "/v1/plans", "What a deploy, or an update of a service that exists, would do",
        model.DeployRequest, model.Plan, whole=True,
    ),
    Route(
        "deploy", "POST", "/v1/services", "Deploy a service",
        model.DeployRequest, model.Execution, 202, whole=True,
    ),
    Route("services", "GET", "/v1/services", "The services of a directory", arguments.InDirectory, list[model.Service]),
    Route("service", "GET", _SERVICE, "One service with its nodes", arguments.OfService, model.Service),
    Route(
        "update", "PATCH", "/v1/services/{name}", "Update the design or the inputs of a service",
        model.DeployRequest, model.Execution, 202, whole=True,
    ),
    Route("undeploy", "DELETE", _SERVICE, "Undeploy a service", arguments.OfService, model.Execution, 202),
    Route(
        "resume", "POST", _SERVICE + "/resume", "Try the failed and skipped steps of the last execution again",
        arguments.OfService, model.Execution, 202,
    ),
    Route(
        "run", "POST", _SERVICE + "/workflows/{workflow}", "Run a workflow that the service's design brings",
        arguments.Running, model.Execution, 202,
    ),
    Route(
        "validate", "GET", _SERVICE + "/differences", "Where data and reality disagree; nothing is changed",
        arguments.OfService, list[model.Difference],
    ),
    Route(
        "history", "GET", _SERVICE + "/history", "Every command and file that made the service",
        arguments.Done, list[model.Effect],
    ),
    Route("script", "GET", _SERVICE + "/script", "The history as a shell script", arguments.Done, str),
    Route("execution", "GET", "/v1/executions/{id}", "One execution", arguments.OfExecution, model.Execution),
    Route(
        "call", "POST", _NODE + "/operations/{operation}", "Call an operation of a node",
        arguments.Operation, model.CallResult,
    ),
    Route(
        "adopt", "POST", _NODE + "/adoption", "Take what runs already as a node, without a restart",
        arguments.Adoption, model.CallResult,
    ),
    Route(
        "logs", "GET", _NODE + "/logs", "The log of a node, as text or as frames",
        arguments.Logs, kind=Kind.LOGS,
    ),
    Route(
        "execute", "GET", _NODE + "/exec", "Run a program in a node's surroundings: a WebSocket of frames",
        model.ExecRequest, status=101, kind=Kind.EXECUTE, whole=True,
    ),
    Route(
        "events", "GET", "/v1/events", "Events, as they were and as they come: NDJSON, or SSE when it is accepted",
        arguments.Events, model.Event, kind=Kind.EVENTS,
    ),
    Route(
        "audit", "GET", "/v1/audit", "Who has asked for what, when, and what has become of it",
        arguments.Audit, list[model.Audited],
    ),
    Route("emit", "POST", "/v1/events", "Send an event", arguments.Emission, model.Event, 201),
    Route(
        "plugins", "GET", "/v1/plugins", "The plugins that a directory sees",
        arguments.InDirectory, list[model.PluginInfo],
    ),
    Route("plugin", "GET", "/v1/plugins/{name}", "One plugin", arguments.OfPlugin, model.PluginInfo),
    Route(
        "inspect_plugin", "POST", "/v1/plugins/inspection", "What a plugin is and wants, without adding it",
        arguments.PluginFile, model.PluginInfo, content=True,
    ),
    Route(
        "add_plugin", "POST", "/v1/plugins", "Add a plugin, with what it asks for granted",
        arguments.NewPlugin, model.PluginInfo, 201, content=True,
    ),
    Route(
        "access", "GET", "/v1/access", "Who has which role in a directory",
        arguments.InDirectory, list[model.Access],
    ),
    Route(
        "grant_access", "PUT", "/v1/access/{who}", "Give somebody a role in a directory and below it",
        arguments.Grant, model.Access,
    ),
    Route(
        "revoke_access", "DELETE", "/v1/access/{who}", "Take back the role that a directory gives somebody",
        arguments.OfAccess, status=204,
    ),
    Route(
        "secrets", "GET", "/v1/secrets", "The secrets that a directory sees, without their values",
        arguments.InDirectory, list[model.Secret],
    ),
    Route(
        "set_secret", "PUT", "/v1/secrets/{name}", "Set a secret of a directory; the body is its value, text in UTF-8",
        arguments.OfSecret, model.Secret, content=True,
    ),
    Route(
        "remove_secret", "DELETE", "/v1/secrets/{name}", "Remove a secret of a directory",
        arguments.OfSecret, status=204,
    ),
    Route("remove_plugin", "DELETE", "/v1/plugins/{name}", "Remove a plugin", arguments.OfPlugin, status=204),
)  # fmt: skip

BY_NAME = {route.name: route for route in ROUTES}
