"""What the tests of the built-in drivers share: their modules, and a real host behind the plugin's requests."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from floria.plugins import grants, requests
from floria.plugins.faults import Fault
from floria_plugin.driver import Driver
from floria_plugin.faults import Permanent

FOLDER = Path(__file__).parent
sys.path[:0] = [str(folder) for folder in sorted(FOLDER.iterdir()) if (folder / "plugin.py").exists()]


class Completed(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def stdout(self) -> str: ...
    @property
    def stderr(self) -> str: ...


class Machine(Protocol):
    """What of the test bed's machines is used here."""

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str = "/",
        input: str | None = None,
        check: bool = True,
    ) -> Completed: ...
    def read(self, path: str) -> str: ...
    def exists(self, path: str) -> bool: ...


class RealHost:
    """Performs a driver's requests on a machine of the test bed, as far as the driver's own grants allow them."""

    def __init__(self, machine: Machine, plugin: Driver, places: Mapping[str, str], user: str = "root") -> None:
        self._machine, self._plugin, self._user = machine, plugin, user
        self._grants = grants.fill(grants.parse(msgspec.json.decode(msgspec.json.encode(plugin.grants))), places)
        self.claims: dict[str, set[str]] = {}
        self.argvs: list[list[str]] = []

    def call(self, function: str, site: dict[str, Any], inputs: dict[str, Any] | None = None) -> Any:
        """Call a function of the driver; what it returns as JSON data."""
        found = self._plugin.call(self, function, site, [inputs or {}])
        return msgspec.json.decode(msgspec.json.encode(found, enc_hook=lambda data: data.to_plain()))

    @property
    def changes(self) -> list[list[str]]:
        """The commands that were no queries."""
        return [argv for argv in self.argvs if not {"show", "is-enabled"} & set(argv)]

    def perform(self, request: dict[str, Any]) -> Any:
        parsed: Any = msgspec.convert(
            {key: value for key, value in request.items() if value is not None}, requests.Request
        )
        try:
            grants.permit(self._grants, parsed)
        except Fault as fault:
            raise Permanent(fault.code, fault.message) from None
        match parsed:
            case requests.RunCommand():
                self.argvs.append(list(parsed.argv))
                done = self._run(list(parsed.argv), parsed.env, parsed.stdin)
                return {"status": done.status, "stdout": done.stdout, "stderr": done.stderr}
            case requests.ReadFile():
                return self._machine.read(parsed.path)
            case requests.KindOf():
                return "file" if self._machine.exists(parsed.path) else "none"
            case requests.ListFolder():
                listed = self._run(["find", parsed.path, "-mindepth", "1", "-maxdepth", "1", "-printf", "%f\\n"])
                return [{"name": name, "kind": "file"} for name in sorted(listed.stdout.splitlines())]
            case requests.WriteFile():
                return self._write(parsed.path, parsed.content)
            case requests.MakeFolder():
                return self._run(["mkdir", "-p", parsed.path]).status == 0
            case requests.Remove():
                found = self._machine.exists(parsed.path)
                self._run(["rm", "-rf", parsed.path])
                return found
            case requests.Claim():
                taken = self.claims.setdefault(parsed.space, set())
                free = parsed.key not in taken
                taken.add(parsed.key)
                return free
            case requests.Release():
                return self.claims.setdefault(parsed.space, set()).discard(parsed.key)
            case requests.ListClaims():
                return sorted(self.claims.get(parsed.space, set()))
        raise AssertionError(f"the tests have no {request['kind']}")

    def _run(self, argv: list[str], env: Mapping[str, str] | None = None, text: str | None = None) -> Completed:
        return self._machine.run(argv, env=env, user=self._user, input=text, check=False)

    def _write(self, path: str, content: str) -> bool:
        if self._machine.exists(path) and self._machine.read(path) == content:
            return False
        self._run(["mkdir", "-p", path.rpartition("/")[0]])
        self._run(["tee", path], text=content)
        return True


Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make_site() -> Make:
    """Makes sites of calls: properties, and what else differs from a plain one."""

    def make(properties: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        node, kind = more.pop("node", "web"), more.pop("kind", "Process")
        host: dict[str, Any] = {
            "name": "here",
            "init": "systemd",
            "scope": "system",
            "user": "root",
            "paths": {
                "units": "/etc/systemd/system",
                "state": "/var/lib/khutulun",
                "run": "/run/khutulun",
                "bin": "/opt/khutulun/bin",
                "artifacts": "/var/lib/khutulun/artifacts",
                "runtime": "",
            },
        }
        host |= more.pop("host", {})
        entity = {
            "classes": [f"khutulun:1.0::{kind}", "khutulun:1.0::Workload", "tosca:node"],
            "state": more.pop("state", ""),
            "properties": dict(properties or {}),
        }
        return {
            "entity": entity,
            "service": "hello",
            "node": node,
            "index": 0,
            "names": {
                "unit": f"khutulun-hello-{node}-0.service",
                "machine": f"hello-{node}-0",
                "labels": {"khutulun.service": "hello", "khutulun.node": node},
            },
            "host": host,
            "artifacts": {},
            "edges": [],
            "event": None,
        } | more

    return make


@pytest.fixture
def real_host() -> type[RealHost]:
    """The class that puts a machine behind a driver."""
    return RealHost
