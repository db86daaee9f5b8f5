"""Prints effects as a shell script that does the same by hand."""

import shlex
from collections.abc import Iterable

import msgspec

from floria.plugins import requests, urls
from floria.plugins.effects import dbus
from floria.plugins.effects.journal import Effect, Status

_HEAD = "#!/bin/sh\nset -eu\n"


def script(effects: Iterable[Effect], *, queries: bool = False) -> str:
    """Return a script of the changes, in order; failed ones and, with `queries`, the queries are comments.

    ``<secret NAME>`` stands where a secret was: put the value there by hand.
    """
    parts = [_HEAD]
    for effect in effects:
        if not effect.change and not queries:
            continue
        lines = render(effect.request)
        outcome = effect.outcome
        failed = outcome is not None and outcome.status is Status.FAILED
        if failed and outcome is not None and outcome.fault is not None:
            lines = f"failed: {outcome.fault.message}\n{lines}"
        parts.append(_comment(lines) if failed or not effect.change else lines)
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def render(request: requests.Request) -> str:
    """Return the shell lines that do what the request asks for."""
    match request:
        case requests.RunCommand():
            return command(request)
        case requests.CallDBus():
            return command(dbus.command(request))
        case requests.WriteFile():
            return _write(request)
        case requests.MakeFolder(path=path, mode=mode):
            return f"install -d -m {mode & 0o777:o} {shlex.quote(path)}"
        case requests.Remove(path=path, recursive=recursive):
            return f"rm {'-rf' if recursive else '-df'} -- {shlex.quote(path)}"
        case requests.ReadFile(path=path):
            return f"cat {shlex.quote(path)}"
        case requests.ListFolder(path=path):
            return f"ls -la {shlex.quote(path)}"
        case requests.KindOf(path=path):
            return f"stat {shlex.quote(path)}"
        case requests.SendHttp():
            return _curl(request)
        case _:
            return _comment(f"{request.kind} {_told(request)}")


def command(request: requests.RunCommand) -> str:
    """Return one command as a shell line, its input as a here-document."""
    words = [shlex.quote(word) for word in request.argv]
    if request.env:
        words = ["env", *(shlex.quote(f"{name}={value}") for name, value in request.env.items()), *words]
    if request.user is not None:
        words = ["runuser", "-u", shlex.quote(request.user), "--", *words]
    line = " ".join(words)
    if request.stdin:
        line = _with_input(line, request.stdin)
    if request.cwd not in (None, "/"):
        folder = shlex.quote(str(request.cwd))
        inner = f"\n{line}\n" if request.stdin else f" {line}"
        line = f"(cd {folder} &&{inner})"
    return line


def _write(request: requests.WriteFile) -> str:
    path = shlex.quote(request.path)
    folder = shlex.quote(request.path.rsplit("/", 1)[0] or "/")
    mode = request.mode & 0o777
    lines = [f"mkdir -p {folder}"]
    lines += [f"install -m {mode:o} /dev/null {path}"]
    lines += [_with_input(f"cat >{path}", request.content) if request.content else f": >{path}"]
    return "\n".join(lines)


def _with_input(line: str, text: str) -> str:
    if not text.endswith("\n"):
        return f"printf %s {shlex.quote(text)} | {line}"
    mark = "END"
    while mark in text.split("\n"):
        mark += "_"
    return f"{line} <<'{mark}'\n{text}{mark}"


def _curl(request: requests.SendHttp) -> str:
    url = urls.parse(request.url)
    words = ["curl", "-sS", "-X", request.method]
    if url.socket:
        words += ["--unix-socket", url.socket]
    for name, value in request.headers:
        words += ["-H", f"{name}: {value}"]
    if request.body is not None:
        words += ["--data-binary", request.body]
    words.append(f"http://localhost{url.target}" if url.socket else request.url)
    return " ".join(shlex.quote(word) for word in words)


def _told(request: requests.Request) -> str:
    told = {name: value for name, value in msgspec.to_builtins(request).items() if name != "kind"}
    return msgspec.json.encode(told).decode()


def _comment(lines: str) -> str:
    return "\n".join(f"# {line}" for line in lines.rstrip("\n").split("\n"))
