"""Checks of the probe: the whole contract, from the plugin's side and from the host's."""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from floria.plugins.budgets import Budget
from floria.plugins.conformance.bench import Bench, Failed
from floria.plugins.effects import Mode
from floria.plugins.grants import Scope

ECHO = {"commands": [{"program": "echo", "arguments": ["..."], "effect": "query"}]}
TOUCH = {"commands": [{"program": "touch", "arguments": ["{work}/*"], "effect": "change"}]}
WORK = {"files": [{"path": "{work}", "access": "write"}]}
VALUE = {"text": "grüß\n\0 🎈", "list": [1, -2, 2.5, True, None, []], "map": {"": {}}, "big": 2**53}


def values_cross_unchanged(bench: Bench) -> None:
    """JSON data goes in and comes out as it was."""
    bench.equal(bench.call("echo", VALUE), VALUE)
    bench.equal(bench.call("site", site={"service": "hello", "n": 1}), {"service": "hello", "n": 1})


def every_call_has_a_fresh_instance(bench: Bench) -> None:
    """Nothing of one call is left in the next."""
    bench.equal([bench.call("count"), bench.call("count")], [1, 1])


def faults_keep_their_parts(bench: Bench) -> None:
    """Code, message, retryable and detail arrive."""
    fault = bench.fault("no-good", "permanent")
    bench.equal((fault.message, fault.retryable, fault.detail), ("for good", False, {"why": ["because"]}))
    bench.equal(bench.fault("not-now", "temporary").retryable, True)


def bugs_keep_their_traceback(bench: Bench) -> None:
    """A bug ends in the fault ``plugin-error`` that says where."""
    fault = bench.fault("plugin-error", "bug")
    if "missing" not in str(fault.detail):
        raise Failed(f"no traceback in {fault.detail!r}")


def wrong_arguments_are_a_fault(bench: Bench) -> None:
    """Too many arguments do not reach the function."""
    bench.fault("invalid-arguments", "count", 1, 2, 3)


def granted_commands_run(bench: Bench) -> None:
    """A granted command gives status, output and errors; its input and folder are what was asked for."""
    bench.equal(bench.call("run", ["echo", "hi"], granted=ECHO), [0, "hi\n", "", False])
    granted = {"commands": [{"program": "sh", "arguments": ["-c", "..."], "environment": ["A"]}], **WORK}
    script = "pwd; cat; echo $A; echo oops >&2; exit 3"
    options = {"stdin": "in\n", "env": {"A": "b"}, "cwd": str(bench.folder)}
    found = bench.call("run", ["sh", "-c", script], options, granted=granted)
    bench.equal(found, [3, f"{bench.folder}\nin\nb\n", "oops\n", False])


def ungranted_commands_are_denied(bench: Bench) -> None:
    """Without a grant there is the fault ``denied``, in the plugin's hands too."""
    bench.fault("denied", "run", ["echo"])
    bench.fault("denied", "run", ["cat", "/etc/passwd"], granted=ECHO)
    bench.equal(bench.call("caught", "cat", "/etc/passwd", granted=ECHO), "denied")


def commands_are_killed_in_time(bench: Bench) -> None:
    """A command's own timeout, and the call's, end it."""
    granted = {"commands": [{"program": "sleep", "arguments": ["..."], "effect": "query"}]}
    bench.fault("timeout", "run", ["sleep", "30"], {"timeout": 0.2}, granted=granted)
    bench.fault("timeout", "run", ["sleep", "30"], granted=granted, budget=Budget(wall=0.5))


def files_are_used(bench: Bench) -> None:
    """Files are written in one step, read, listed and removed; a second time changes nothing."""
    file = f"{bench.folder}/sub/a.txt"
    steps = [
        (("write", file, "hello"), True),
        (("write", file, "hello"), False),
        (("read", file), "hello"),
        (("kind", file), "file"),
        (("make_folder", f"{bench.folder}/sub/b"), True),
        (("make_folder", f"{bench.folder}/sub/b"), False),
        (("list", f"{bench.folder}/sub"), [["a.txt", "file"], ["b", "folder"]]),
        (("remove", f"{bench.folder}/sub", True), True),
        (("remove", f"{bench.folder}/sub", True), False),
        (("exists", file), False),
    ]
    for call, expected in steps:
        bench.equal(bench.call("files", *call, granted=WORK), expected)
    bench.fault("not-found", "files", "read", file, granted=WORK)


def files_outside_are_denied(bench: Bench) -> None:
    """Other folders, steps upwards and symbolic links lead nowhere (R32)."""
    for path in (
        "/etc/passwd",
        f"{bench.folder}/../x",
        f"{bench.folder}/./x",
        "relative",
        "/proc/self/root/etc/passwd",
    ):
        bench.fault("denied", "files", "read", path, granted=WORK)
    (bench.folder / "link").symlink_to("/etc/passwd")
    (bench.folder / "folder").symlink_to("/etc")
    bench.fault("denied", "files", "read", f"{bench.folder}/link", granted=WORK)
    bench.fault("denied", "files", "read", f"{bench.folder}/folder/passwd", granted=WORK)
    bench.fault("denied", "files", "write", f"{bench.folder}/folder/new", "x", granted=WORK)


def plans_change_nothing(bench: Bench) -> None:
    """In a plan queries run, changes are written down, and later steps see earlier ones."""
    file = bench.folder / "planned"
    bench.equal(bench.call("run", ["touch", str(file)], granted=TOUCH, mode=Mode.PLAN), [0, "", "", True])
    bench.equal(len(bench.effects), 1)
    bench.equal(bench.call("run", ["echo", "x"], granted=ECHO, mode=Mode.PLAN), [0, "x\n", "", False])
    bench.equal(bench.call("files", "write", str(file), "x", granted=WORK, mode=Mode.PLAN), True)
    if file.exists():
        raise Failed("the plan has changed a file")


def graph_is_used(bench: Bench) -> None:
    """Entities are read and changed within the granted scope."""
    graph = _Graph()
    granted = {"graph": [{"access": "write", "scope": "service"}]}
    bench.equal(bench.call("graph", "get", "one", granted=granted, graph=graph), {"id": "one"})
    bench.equal(bench.call("graph", "query", {"classes": ["a"]}, granted=granted, graph=graph), [{"id": "one"}])
    bench.call("graph", "set_property", "one", "p", [1], granted=granted, graph=graph)
    bench.equal(graph.done, [("set", "one", "p", [1])])
    bench.fault("denied", "graph", "get", "elsewhere", granted=granted, graph=graph)
    reading = {"graph": [{"access": "read"}]}
    bench.fault("denied", "graph", "delete", "one", granted=reading, graph=graph)
    bench.fault("denied", "graph", "get", "one", graph=graph)


def keys_are_claimed(bench: Bench) -> None:
    """A key of a space is taken once, listed, and given back."""
    graph = _Graph()
    granted = {"graph": [{"access": "write", "scope": "own"}]}
    for call, expected in (
        (("claim", "tcp", "8080"), True),
        (("claim", "tcp", "8080"), False),
        (("claims", "tcp"), ["8080"]),
        (("release", "tcp", "8080"), None),
        (("claims", "tcp"), []),
    ):
        bench.equal(bench.call("graph", *call, granted=granted, graph=graph), expected)
    bench.fault("denied", "graph", "claim", "tcp", "1", granted={"graph": [{"access": "read"}]}, graph=graph)


def expressions_are_evaluated(bench: Bench) -> None:
    """Evaluation is lent when it is granted."""
    expression = {"$floria:get": ["x"]}
    bench.equal(bench.call("evaluate", expression, granted={"evaluate": True}), {"evaluated": expression})
    bench.fault("denied", "evaluate", expression)


def secrets_are_kept(bench: Bench) -> None:
    """A granted secret is read; it is not in the log or the journal."""
    secrets = {"token": "s3cr3t-value"}
    granted = {"secrets": ["tok*"], "commands": [{"program": "cat"}]}
    bench.equal(bench.call("secret", "token", granted=granted, secrets=secrets), 12)
    bench.equal(bench.logs, [("info", "the secret is <secret token>")])
    bench.equal(bench.call("with_secret", "token", ["cat"], granted=granted, secrets=secrets), "s3cr3t-value")
    if "s3cr3t" in repr(bench.effects) or "<secret token>" not in repr(bench.effects):
        raise Failed("the journal holds the secret")
    bench.fault("denied", "secret", "other", granted=granted, secrets=secrets)


def web_requests_are_sent(bench: Bench) -> None:
    """Granted prefixes are reached, others not, and redirects are not followed."""
    with _server() as url:
        granted = {"http": [{"url": f"{url}/api"}]}
        bench.equal(bench.call("http", "GET", f"{url}/api/x", granted=granted), [200, "GET /api/x", False])
        bench.equal(bench.call("http", "GET", f"{url}/api/redirect", granted=granted), [302, "", False])
        for refused in (
            f"{url}/apix",
            f"{url}/api/../x",
            f"{url}/api/%2e%2e/x",
            "http://169.254.169.254/",
            f"{url}@x/",
        ):
            bench.fault("denied", "http", "GET", refused, granted=granted)
        bench.fault("timeout", "http", "GET", f"{url}/api/trickle", granted=granted, budget=Budget(wall=0.7))
        found = bench.call("http", "POST", f"{url}/api/x", "body", granted=granted, mode=Mode.PLAN)
        bench.equal(found, [200, "", True])


def web_requests_use_unix_sockets(bench: Bench) -> None:
    """``http+unix`` speaks through a socket file."""
    path = bench.folder / "socket"
    with _server(path):
        url = f"http+unix://{str(path).replace('/', '%2F')}"
        granted = {"http": [{"url": "http+unix://{work}%2Fsocket/v1"}]}
        bench.equal(bench.call("http", "GET", f"{url}/v1/x?y=1", granted=granted), [200, "GET /v1/x?y=1", False])


def logs_are_bounded(bench: Bench) -> None:
    """Log lines arrive in order; what is over the budget is counted, not kept."""
    bench.call("log", "hello")
    bench.equal(bench.logs, [("info", "hello")])
    bench.call("log", "x" * 1000, 100, budget=Budget(log=5000))
    bench.equal((len(bench.logs), bench.logs[-1][0]), (5, "warning"))
    bench.call("say", 200_000, budget=Budget(log=5000))
    if sum(len(message) for _, message in bench.logs) > 6000:
        raise Failed("printed output is not bounded")


def endless_loop_ends(bench: Bench) -> None:
    """An endless loop uses up its CPU budget (R35)."""
    bench.fault("cpu-limit|timeout", "loop", budget=Budget(cpu=0.5, wall=20))


def endless_sleep_ends(bench: Bench) -> None:
    """A sleeping plugin is woken by the wall clock (R35)."""
    bench.fault("timeout", "sleep", 3600, budget=Budget(wall=0.5))


def memory_bomb_ends(bench: Bench) -> None:
    """All memory is not enough (R35)."""
    bench.fault("plugin-error|crashed", "memory", budget=Budget(memory=96 << 20))


def deep_recursion_ends(bench: Bench) -> None:
    """Recursion ends with the stack (R35)."""
    bench.fault("plugin-error|crashed|cpu-limit", "deep", budget=Budget(memory=96 << 20, cpu=2))


def giant_output_ends(bench: Bench) -> None:
    """A result over the budget is refused (R35)."""
    bench.fault("output-limit", "giant", 3 << 20, budget=Budget(output=1 << 20))


def death_is_a_fault(bench: Bench) -> None:
    """An instance that ends itself is a fault of this call, and the next one is served (R35)."""
    bench.fault("crashed", "die")
    bench.equal(bench.call("echo", 1), 1)


def requests_are_bounded(bench: Bench) -> None:
    """There are only so many requests in a call."""
    bench.fault("request-limit", "ask", 10, granted=ECHO, budget=Budget(requests=3))


def sandbox_has_no_environment(bench: Bench) -> None:
    """The sandbox shows no environment, no file, no network and no programs (R32)."""
    if bench.sandboxed:
        bench.equal(bench.call("environment"), {})
        bench.fault("plugin-error|crashed", "open_file", "/etc/passwd")
        bench.fault("plugin-error|crashed", "list_folder", "/")
        bench.fault("plugin-error|crashed", "spawn", "/bin/true")
        with socket.create_server(("127.0.0.1", 0)) as server:
            bench.fault("plugin-error|crashed", "connect", "127.0.0.1", server.getsockname()[1])


CHECKS = (
    values_cross_unchanged,
    every_call_has_a_fresh_instance,
    faults_keep_their_parts,
    bugs_keep_their_traceback,
    wrong_arguments_are_a_fault,
    granted_commands_run,
    ungranted_commands_are_denied,
    commands_are_killed_in_time,
    files_are_used,
    files_outside_are_denied,
    plans_change_nothing,
    graph_is_used,
    keys_are_claimed,
    expressions_are_evaluated,
    secrets_are_kept,
    web_requests_are_sent,
    web_requests_use_unix_sockets,
    logs_are_bounded,
    endless_loop_ends,
    endless_sleep_ends,
    memory_bomb_ends,
    deep_recursion_ends,
    giant_output_ends,
    death_is_a_fault,
    requests_are_bounded,
    sandbox_has_no_environment,
)


class _Graph:
    """One entity in the service, one elsewhere."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.taken: set[str] = set()

    def permits(self, id: str, scope: Scope) -> bool:
        return id == "one"

    def get(self, id: str) -> object:
        return {"id": id}

    def query(self, query: object, scope: Scope) -> object:
        return [{"id": "one"}]

    def set_property(self, id: str, name: str, value: object, effect: str) -> object:
        self.done.append(("set", id, name, value))
        return {"id": id}

    def create(self, entity: object, scope: Scope, effect: str) -> object:
        self.done.append(("create", entity))
        return entity

    def delete(self, id: str, effect: str) -> object:
        self.done.append(("delete", id))
        return None

    def emit(self, id: str, event: str, detail: object, effect: str) -> object:
        self.done.append(("emit", id, event, detail))
        return None

    def claim(self, space: str, key: str, effect: str) -> object:
        taken = key in self.taken
        self.taken.add(key)
        return not taken

    def release(self, space: str, key: str, effect: str) -> object:
        self.taken.discard(key)
        return None

    def claims(self, space: str) -> object:
        return sorted(self.taken)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.endswith("/trickle"):
            self._trickle()
            return
        body = b"" if self.path.endswith("/redirect") else f"GET {self.path}".encode()
        self.send_response(302 if self.path.endswith("/redirect") else 200)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _trickle(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.05)

    def address_string(self) -> str:
        return "peer"

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class _UnixServer(http.server.ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)


@contextlib.contextmanager
def _server(path: Path | None = None) -> Iterator[str]:
    server: http.server.ThreadingHTTPServer
    if path is None:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        url = f"http://127.0.0.1:{server.server_address[1]}"
    else:
        server = _UnixServer(str(path), _Handler)  # type: ignore[arg-type]
        url = ""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
