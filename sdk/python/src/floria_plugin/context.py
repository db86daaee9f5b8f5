"""What a function of a plugin can ask of its host. Everything here works only as far as it was granted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from floria_plugin.faults import Permanent

Json: TypeAlias = Any


class Host(Protocol):
    """Carries requests (``{"kind": "command.run", …}``) to the host; raises `Fault`. One for each carrier."""

    def perform(self, request: dict[str, Json]) -> Json: ...


@dataclass(frozen=True)
class Output:
    """How a command ended. `recorded`: a plan is being made; the command was written down, not run."""

    status: int
    stdout: str = ""
    stderr: str = ""
    recorded: bool = False

    @property
    def ok(self) -> bool:
        return self.status == 0


@dataclass(frozen=True)
class Response:
    """What a web server answered."""

    status: int
    headers: Mapping[str, str]
    body: str
    recorded: bool = False


@dataclass(frozen=True)
class Entry:
    """A file in a folder; `kind` is file, folder, link or other."""

    name: str
    kind: str
    size: int = 0
    mode: int = 0


class Files:
    """Text files under the granted folders: absolute paths, no symbolic links."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def read(self, path: str) -> str:
        """Return the text; raises `Permanent` with code ``not-found``."""
        return str(self._host.perform({"kind": "files.read", "path": path}))

    def write(self, path: str, content: str, mode: int = 0o644) -> bool:
        """Replace the file in one step; return whether anything changed. Missing folders are made."""
        return bool(self._host.perform({"kind": "files.write", "path": path, "content": content, "mode": mode}))

    def make_folder(self, path: str, mode: int = 0o755) -> bool:
        """Make a folder and those above it, below the grant; return whether it was missing."""
        return bool(self._host.perform({"kind": "files.make-folder", "path": path, "mode": mode}))

    def remove(self, path: str, recursive: bool = False) -> bool:
        """Remove a file, link or folder; return whether it was there."""
        return bool(self._host.perform({"kind": "files.remove", "path": path, "recursive": recursive}))

    def list(self, path: str) -> "Sequence[Entry]":
        """Return the granted entries of a folder, by name; none when it is missing."""
        return [Entry(**entry) for entry in self._host.perform({"kind": "files.entries", "path": path})]

    def kind(self, path: str) -> str:
        """Return none, file, folder, link or other."""
        return str(self._host.perform({"kind": "files.kind-of", "path": path}))

    def exists(self, path: str) -> bool:
        return self.kind(path) != "none"


class Graph:
    """The entities that were granted, in their plain form."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def get(self, id: str) -> Json:
        return self._host.perform({"kind": "graph.get", "id": id})

    def query(self, query: Mapping[str, Json]) -> list[Json]:
        return list(self._host.perform({"kind": "graph.query", "query": dict(query)}))

    def set_property(self, id: str, name: str, value: Json) -> Json:
        return self._host.perform({"kind": "graph.set-property", "id": id, "name": name, "value": value})

    def create(self, entity: Mapping[str, Json]) -> Json:
        return self._host.perform({"kind": "graph.create", "entity": dict(entity)})

    def delete(self, id: str) -> Json:
        return self._host.perform({"kind": "graph.delete", "id": id})

    def emit(self, id: str, event: str, detail: Json = None) -> Json:
        return self._host.perform({"kind": "graph.emit", "id": id, "event": event, "detail": detail})

    def claim(self, space: str, key: str) -> bool:
        """Take a key of a space of this host (such as a port number) for the entity; False when another one has it."""
        return bool(self._host.perform({"kind": "graph.claim", "space": space, "key": key}))

    def release(self, space: str, key: str) -> None:
        """Give a claim back."""
        self._host.perform({"kind": "graph.release", "space": space, "key": key})

    def claims(self, space: str) -> list[str]:
        """Return the claimed keys of a space."""
        return list(self._host.perform({"kind": "graph.claims", "space": space}))


class Dbus:
    """Methods of the granted D-Bus destinations."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *arguments: Json,
        bus: str = "system",
    ) -> list[Json]:
        """Call a method; a variant is ``{"type": "s", "data": "text"}``. Returns the list of its results."""
        request: dict[str, Json] = {"kind": "dbus.call", "bus": bus, "destination": destination, "path": path}
        request |= {"interface": interface, "member": member, "signature": signature, "arguments": list(arguments)}
        return list(self._host.perform(request))


class Http:
    """Requests to the granted URL prefixes; ``http+unix://%2Frun%2Fsocket/path`` speaks through a unix socket."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def send(
        self,
        method: str,
        url: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 0,
    ) -> Response:
        request: dict[str, Json] = {"kind": "http.send", "method": method, "url": url, "body": body, "timeout": timeout}
        request["headers"] = [[name, value] for name, value in (headers or {}).items()]
        answer = self._host.perform(request)
        found = {str(name).lower(): str(value) for name, value in answer["headers"]}
        return Response(answer["status"], found, answer["body"], answer.get("recorded", False))

    def get(self, url: str, timeout: float = 0) -> Response:
        return self.send("GET", url, timeout=timeout)


class Context:
    """One call: where it is for (`site`), and the host."""

    def __init__(self, host: Host, site: Json) -> None:
        self._host = host
        self.site = site
        self.files = Files(host)
        self.graph = Graph(host)
        self.dbus = Dbus(host)
        self.http = Http(host)

    def run(
        self,
        *argv: str,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: str | None = None,
        timeout: float = 0,
        check: bool = True,
    ) -> Output:
        """Run a granted program, without a shell; `timeout` in seconds.

        With `check`, an exit status other than 0 raises `Permanent` with code ``command-failed``.
        """
        request: dict[str, Json] = {"kind": "command.run", "argv": list(argv), "env": dict(env or {}), "stdin": stdin}
        request |= {"cwd": cwd, "user": user, "timeout": timeout}
        output = Output(**self._host.perform(request))
        if check and not output.ok:
            said = (output.stderr.strip() or output.stdout.strip())[-2000:]
            detail = {"argv": list(argv), "status": output.status, "stderr": output.stderr[-2000:]}
            raise Permanent("command-failed", f"{' '.join(argv)} ended with {output.status}: {said}", detail)
        return output

    def evaluate(self, expression: Json) -> Json:
        """Evaluate a value that holds calls, as the site's entity would."""
        return self._host.perform({"kind": "evaluate.evaluate", "expression": expression})

    def secret(self, name: str) -> str:
        """Return a granted secret; its value is kept out of journals, logs and plans."""
        return str(self._host.perform({"kind": "secrets.get", "name": name}))

    def log(self, message: str, level: str = "info") -> None:
        """Write to the host's log; `level` is debug, info, warning or error."""
        self._host.perform({"kind": "log.write", "level": level, "message": message})
