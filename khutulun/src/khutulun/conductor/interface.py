"""What the conductor does for its clients: the HTTP API is made of this, tests use it directly.

Synchronous and thread-safe. Everything raises `model.Refused` when it is not done. Permissions are checked here,
against the directory, for the `principal`.
"""

from collections.abc import Iterator
from typing import Protocol

from floria.values import Value
from khutulun import model


class Stream(Protocol):
    """Bytes to and from a running program (logs, exec)."""

    def output(self) -> Iterator[tuple[str, bytes]]:
        """Yield (``stdout`` or ``stderr``, bytes) until the program ends."""
        ...

    def write(self, data: bytes) -> None: ...
    def close_input(self) -> None: ...
    def resize(self, rows: int, columns: int) -> None: ...
    def signal(self, number: int) -> None: ...
    def wait(self) -> int:
        """Return the exit code, once `output` has ended; 128 + N when signal N ended it."""
        ...

    def close(self) -> None:
        """End the program, if it still runs, and free everything."""
        ...


class EventFeed(Protocol):
    """Pushed events, in order of position."""

    def __iter__(self) -> Iterator[model.Event]: ...
    def close(self) -> None: ...


class Conductor(Protocol):
    def info(self) -> model.Info: ...

    def upload(self, principal: model.Principal, content: bytes) -> str:
        """Keep an archive; return its digest."""
        ...

    def deploy(self, principal: model.Principal, request: model.DeployRequest) -> model.Execution: ...
    def plan(self, principal: model.Principal, request: model.DeployRequest) -> model.Plan:
        """Plan a deploy, or an update when the service exists."""
        ...

    def update(self, principal: model.Principal, request: model.DeployRequest) -> model.Execution: ...
    def undeploy(self, principal: model.Principal, service: str, directory: str = "/") -> model.Execution: ...
    def execution(self, principal: model.Principal, id: str) -> model.Execution: ...
    def resume(self, principal: model.Principal, service: str, directory: str = "/") -> model.Execution:
        """Try the failed and skipped steps of the last execution again."""
        ...

    def run(
        self,
        principal: model.Principal,
        service: str,
        workflow: str,
        inputs: dict[str, Value],
        directory: str = "/",
    ) -> model.Execution:
        """Run a workflow that the service's design brings."""
        ...

    def services(self, principal: model.Principal, directory: str = "/") -> list[model.Service]: ...
    def service(self, principal: model.Principal, service: str, directory: str = "/") -> model.Service: ...
    def validate(self, principal: model.Principal, service: str, directory: str = "/") -> list[model.Difference]: ...
    def call(
        self,
        principal: model.Principal,
        service: str,
        node: str,
        operation: str,
        inputs: dict[str, Value],
        directory: str = "/",
    ) -> model.CallResult:
        """Call INTERFACE.OPERATION of a node."""
        ...

    def adopt(
        self, principal: model.Principal, service: str, node: str, existing: str, directory: str = "/"
    ) -> model.CallResult:
        """Take what runs under the name `existing` as `node` of a service, without a restart."""
        ...

    def history(
        self, principal: model.Principal, service: str, node: str | None = None, directory: str = "/"
    ) -> list[model.Effect]: ...
    def script(
        self, principal: model.Principal, service: str, node: str | None = None, directory: str = "/"
    ) -> str: ...
    def events(
        self,
        principal: model.Principal,
        *,
        service: str | None = None,
        directory: str = "/",
        after: int | None = None,
        follow: bool = False,
        limit: int = 1000,
    ) -> EventFeed:
        """Journaled events after a position (None: the newest `limit`), then, with `follow`, those to come."""
        ...

    def audit(
        self, principal: model.Principal, *, service: str | None = None, directory: str = "/", limit: int = 100
    ) -> list[model.Audited]:
        """Return the newest entries of the audit log of a directory or a service, in order."""
        ...

    def emit(
        self,
        principal: model.Principal,
        name: str,
        *,
        service: str | None = None,
        node: str | None = None,
        data: Value = None,
        directory: str = "/",
    ) -> model.Event: ...
    def logs(
        self,
        principal: model.Principal,
        service: str,
        node: str,
        *,
        follow: bool = False,
        lines: int = 100,
        directory: str = "/",
    ) -> Stream: ...
    def execute(self, principal: model.Principal, request: model.ExecRequest) -> Stream: ...
    def plugins(self, principal: model.Principal, directory: str = "/") -> list[model.PluginInfo]: ...
    def plugin(self, principal: model.Principal, name: str, directory: str = "/") -> model.PluginInfo: ...
    def inspect_plugin(self, principal: model.Principal, content: bytes, carrier: str) -> model.PluginInfo:
        """Say what a plugin is and wants, without adding it."""
        ...

    def add_plugin(
        self, principal: model.Principal, content: bytes, carrier: str, name: str | None, directory: str = "/"
    ) -> model.PluginInfo: ...
    def access(self, principal: model.Principal, directory: str = "/") -> list[model.Access]:
        """Return the roles that hold in a directory."""
        ...

    def grant_access(self, principal: model.Principal, who: str, role: str, directory: str = "/") -> model.Access: ...
    def revoke_access(self, principal: model.Principal, who: str, directory: str = "/") -> None: ...
    def secrets(self, principal: model.Principal, directory: str = "/") -> list[model.Secret]:
        """Return the secrets that a directory sees; nobody is told their values."""
        ...

    def set_secret(
        self, principal: model.Principal, name: str, content: bytes, directory: str = "/"
    ) -> model.Secret: ...
    def remove_secret(self, principal: model.Principal, name: str, directory: str = "/") -> None: ...
    def remove_plugin(self, principal: model.Principal, name: str, directory: str = "/") -> None: ...
