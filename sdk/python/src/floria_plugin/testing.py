"""Test a plugin without a sandbox: state and a call go in, the result and the effects come out.

    host = FakeHost(commands={("hostname",): "box\\n"}, files={"/etc/motd": "hi"})
    assert host.call(plugin, "greet", site, ["Ada"]) == "hello Ada, from box"
    assert host.effects == [{"kind": "command.run", "argv": ["hostname"]}]

Grants are checked by the real host only; give `strict=False` to answer unknown commands with success.
"""

import fnmatch
import json
from collections.abc import Callable, Mapping, Sequence

from floria_plugin.context import Json, Output
from floria_plugin.faults import Permanent
from floria_plugin.plugin import Plugin, dumps

Answer = str | int | Output | Callable[[Sequence[str]], "str | int | Output"]
_DEFAULTS: dict[str, Json] = {
    "env": {},
    "stdin": None,
    "cwd": None,
    "user": None,
    "timeout": 0,
    "headers": [],
    "body": None,
    "recursive": False,
}


class FakeHost:
    """A host made of plain data.

    `commands` maps argument patterns (a tuple; ``...`` as its last element stands for any rest) to an answer: the
    output, an exit status, an `Output`, or a function of the arguments that returns one of these. `files` maps paths
    to texts, `urls` maps ``"METHOD URL"`` to a body, `dbus` maps ``"INTERFACE.MEMBER"`` to a list, `entities` maps ids
    to entities. `effects` are the requests made, without their default fields; `changes` are those that are no reads;
    `logs` are (level, message) pairs.
    """

    def __init__(
        self,
        commands: Mapping[tuple[str, ...], Answer] | None = None,
        files: Mapping[str, str] | None = None,
        *,
        urls: Mapping[str, str] | None = None,
        dbus: Mapping[str, list[Json]] | None = None,
        entities: Mapping[str, Json] | None = None,
        secrets: Mapping[str, str] | None = None,
        evaluate: Callable[[Json], Json] | None = None,
        strict: bool = True,
    ) -> None:
        self.commands = dict(commands or {})
        self.files = dict(files or {})
        self.folders: set[str] = set()
        self.claims: dict[str, set[str]] = {}
        self.urls, self.dbus = dict(urls or {}), dict(dbus or {})
        self.entities, self.secrets = dict(entities or {}), dict(secrets or {})
        self.evaluate, self.strict = evaluate, strict
        self.effects: list[dict[str, Json]] = []
        self.logs: list[tuple[str, str]] = []

    def call(self, plugin: Plugin, function: str, site: Json = None, arguments: Sequence[Json] = ()) -> Json:
        """Call a function as a real host would: JSON data in and out. Raises `Fault`."""
        given = json.loads(json.dumps([site, list(arguments)]))
        return json.loads(dumps(plugin.call(self, function, given[0], given[1])))

    @property
    def argvs(self) -> list[list[str]]:
        """The commands that were run, in order."""
        return [effect["argv"] for effect in self.effects if effect["kind"] == "command.run"]

    def perform(self, request: dict[str, Json]) -> Json:
        """Answer a request of the plugin."""
        kind = request["kind"]
        if kind == "log.write":
            self.logs.append((request["level"], request["message"]))
            return None
        self.effects.append({key: value for key, value in request.items() if _DEFAULTS.get(key, ...) != value})
        family, name = kind.split(".")
        handler = getattr(self, f"_{family}", None)
        if handler is None:
            raise Permanent("denied", f"not available: {kind}")
        return handler(name, request)

    def _command(self, name: str, request: dict[str, Json]) -> Json:
        argv = request["argv"]
        for pattern, answer in self.commands.items():
            if _fits(pattern, argv):
                return vars(_output(answer(argv) if callable(answer) else answer))
        if self.strict:
            raise Permanent("denied", f"the test has no answer for {argv}")
        return vars(Output(0))

    def _files(self, name: str, request: dict[str, Json]) -> Json:
        path = request["path"]
        if name == "read":
            if path not in self.files:
                raise Permanent("not-found", f"{path} does not exist")
            return self.files[path]
        if name == "write":
            changed = self.files.get(path) != request["content"]
            self.files[path] = request["content"]
            return changed
        if name == "make-folder":
            missing = self._kind(path) == "none"
            self.folders.add(path)
            return missing
        if name == "remove":
            return self._remove(path)
        return self._kind(path) if name == "kind-of" else self._entries(path)

    def _http(self, name: str, request: dict[str, Json]) -> Json:
        key = f"{request['method']} {request['url']}"
        if key not in self.urls:
            raise Permanent("denied", f"the test has no answer for {key}")
        return {"status": 200, "headers": [], "body": self.urls[key], "recorded": False}

    def _dbus(self, name: str, request: dict[str, Json]) -> Json:
        key = f"{request['interface']}.{request['member']}"
        if key not in self.dbus:
            raise Permanent("denied", f"the test has no answer for {key}")
        return self.dbus[key]

    def _claim(self, name: str, request: dict[str, Json]) -> Json:
        taken = self.claims.setdefault(request["space"], set())
        if name == "claims":
            return sorted(taken)
        if name == "release":
            taken.discard(request["key"])
            return None
        free = request["key"] not in taken
        taken.add(request["key"])
        return free

    def _graph(self, name: str, request: dict[str, Json]) -> Json:
        if name in ("claim", "release", "claims"):
            return self._claim(name, request)
        if name == "query":
            return list(self.entities.values())
        if name == "create":
            entity = {"id": f"new-{len(self.entities)}", **request["entity"]}
            self.entities[entity["id"]] = entity
            return entity
        if request["id"] not in self.entities:
            raise Permanent("not-found", f"there is no entity {request['id']}")
        if name == "delete":
            return self.entities.pop(request["id"])
        entity = self.entities[request["id"]]
        if name == "set-property":
            entity.setdefault("properties", {})[request["name"]] = {"value": request["value"]}
        return entity

    def _evaluate(self, name: str, request: dict[str, Json]) -> Json:
        if self.evaluate is None:
            raise Permanent("denied", "the test has no evaluate")
        return self.evaluate(request["expression"])

    def _secrets(self, name: str, request: dict[str, Json]) -> Json:
        if request["name"] not in self.secrets:
            raise Permanent("not-found", f"there is no secret {request['name']}")
        return self.secrets[request["name"]]

    def _kind(self, path: str) -> str:
        if path in self.files:
            return "file"
        below = path.rstrip("/") + "/"
        return "folder" if path in self.folders or any(name.startswith(below) for name in self.files) else "none"

    def _remove(self, path: str) -> bool:
        found = self._kind(path) != "none"
        below = path.rstrip("/") + "/"
        self.files = {name: text for name, text in self.files.items() if name != path and not name.startswith(below)}
        self.folders = {name for name in self.folders if name != path and not name.startswith(below)}
        return found

    def _entries(self, path: str) -> list[Json]:
        below = path.rstrip("/") + "/"
        names = {n.removeprefix(below).split("/")[0] for n in (*self.files, *self.folders) if n.startswith(below)}
        return [{"name": name, "kind": self._kind(below + name), "size": 0, "mode": 0o644} for name in sorted(names)]


def _fits(pattern: tuple[str, ...], argv: Sequence[str]) -> bool:
    if pattern and pattern[-1] == "...":
        pattern = pattern[:-1]
        argv = argv[: len(pattern)]
    return len(pattern) == len(argv) and all(fnmatch.fnmatchcase(a, p) for a, p in zip(argv, pattern, strict=True))


def _output(answer: str | int | Output) -> Output:
    if isinstance(answer, Output):
        return answer
    return Output(answer) if isinstance(answer, int) else Output(0, answer)
