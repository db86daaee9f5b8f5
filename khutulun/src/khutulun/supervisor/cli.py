"""The program `khutulun-supervisor`: runs the daemon, and operates its workloads by hand."""

import json
import os
import signal
import sys

from khutulun.supervisor import client, linux, output

USAGE = """\
usage: khutulun-supervisor [--folder FOLDER] COMMAND

Keeps workloads running where there is no systemd.

commands:
  run                 be the supervisor, in the foreground; SIGTERM ends it and leaves its workloads running
  quit                end the supervisor that runs; its workloads go on
  define SPECFILE     keep a workload's spec without starting it ('-' reads standard input)
  start SPECFILE      define it, start it, and wait until it is ready (a job: until it has finished)
  start NAME          start a workload that is defined
  stop NAME           end it and all its processes; it stays defined, and stays down when the machine restarts
  restart NAME        stop it, then start it
  kill NAME [SIGNAL]  send a signal to its main process (SIGTERM)
  remove NAME         stop it and remove everything of it, its output too
  show NAME | --all   what is known of it, as JSON
  logs [-f] [-c] [-n N] NAME
                      its output; -f follows, -c begins with its last start, -n with the last N lines
  events              what happens, as JSON lines, beginning with the current states

A name that holds a '/' or ends in '.json' is a SPECFILE. The first start starts the supervisor.
FOLDER is where it keeps its workloads: $KHUTULUN_SUPERVISOR, or /var/lib/khutulun/supervisor for root,
or ~/.local/state/khutulun/supervisor. See docs/supervisor.md for the spec.

exit codes: 0 done; 1 it failed; 2 wrong usage; 3 no supervisor runs; 4 there is no such workload
"""


class Wrong(Exception):
    """Wrong usage; the message says what."""


def main() -> None:
    """Run the command line; exits."""
    arguments = sys.argv[1:]
    folder = client.default_folder()
    try:
        if arguments[:1] == ["--folder"] and len(arguments) > 1:
            folder, arguments = os.path.abspath(arguments[1]), arguments[2:]
        if not arguments or {"-h", "--help"} & set(arguments):
            sys.stdout.write(USAGE)
            sys.exit(0 if arguments else 2)
        code = _run(folder, arguments[0], arguments[1:])
    except Wrong as error:
        code = _fail(2, str(error), "see khutulun-supervisor --help")
    except client.NotRunning:
        code = _fail(3, f"no supervisor runs for {folder}", "khutulun-supervisor run, or start a workload")
    except client.Failed as error:
        code = _fail(4 if "there is no workload" in str(error) else 1, str(error), "")
    except PermissionError as error:
        code = _fail(1, f"{error.filename or folder}: {error.strerror}", "the scope belongs to another user")
    except OSError as error:
        code = _fail(1, str(error), "")
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    sys.exit(code)


def _run(folder: str, command: str, arguments: list[str]) -> int:
    match command, arguments:
        case "run", []:
            return _daemon(folder, -1)
        case "run", ["--ready", descriptor]:
            return _daemon(folder, int(descriptor))
        case "define", [path]:
            return _print(client.request(folder, {"command": "define", "spec": _spec(path)}, spawn=True))
        case "start", [name]:
            given = {"spec": _spec(name)} if "/" in name or name.endswith(".json") or name == "-" else {"name": name}
            return _started(client.request(folder, {"command": "start", **given}, spawn=True))
        case "restart", [name]:
            return _started(client.request(folder, {"command": "restart", "name": name}))
        case (("stop" | "remove"), [name]):
            return _print(client.request(folder, {"command": command, "name": name}))
        case "kill", [name]:
            return _print(client.request(folder, {"command": "kill", "name": name, "signal": int(signal.SIGTERM)}))
        case "kill", [name, number]:
            return _print(client.request(folder, {"command": "kill", "name": name, "signal": _signal(number)}))
        case "quit", []:
            return _print(client.request(folder, {"command": "quit"}))
        case "show", ["--all"]:
            return _print(client.request(folder, {"command": "show"}))
        case "show", [name]:
            return _print(client.request(folder, {"command": "show", "name": name}))
        case "logs", _:
            return _logs(folder, arguments)
        case "events", []:
            for line in client.events(folder, spawn=True):
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            return _fail(3, "the supervisor has ended", "")
    raise Wrong(f"'{' '.join([command, *arguments])}' is not a command")


def _daemon(folder: str, descriptor: int) -> int:
    from khutulun.supervisor import daemon

    def ready() -> None:
        if descriptor >= 0:
            os.write(descriptor, b"ready")
            os.close(descriptor)

    try:
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)
        daemon.Daemon(folder).run(ready)
    except daemon.AlreadyRunning:
        message = f"another supervisor runs for {folder}"
        if descriptor >= 0:
            os.write(descriptor, message.encode())
        return _fail(1, message, "")
    return 0


def _spec(path: str) -> object:
    from khutulun.supervisor import spec

    try:
        return spec.read(path).data
    except spec.SpecError as error:
        raise client.Failed(str(error)) from error


def _signal(text: str) -> int:
    name = text if text.startswith("SIG") else f"SIG{text}"
    if text.isdigit() and int(text) < signal.NSIG:
        return int(text)
    if name not in signal.Signals.__members__:
        raise Wrong(f"{text!r} is not a signal")
    return int(signal.Signals[name])


def _print(answer: dict[str, object]) -> int:
    json.dump(answer, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


def _started(answer: dict[str, object]) -> int:
    _print(answer)
    if answer["state"] in ("running", "waiting", "finished"):
        return 0
    result = answer["result"]
    found = result if isinstance(result, dict) else {}
    how = answer["reason"] or (
        f"it was ended by {found['signal']}" if found.get("signal") else f"it ended with {found.get('exit_code')}"
    )
    return _fail(1, f"{answer['name']} did not start: {how}", f"khutulun-supervisor logs {answer['name']}")


def _logs(folder: str, arguments: list[str]) -> int:
    follow, current, count, names = False, False, -1, []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "-f":
            follow = True
        elif word == "-c":
            current = True
        elif word == "-n" and rest and rest[0].isdigit():
            count = int(rest.pop(0))
        else:
            names.append(word)
    if len(names) != 1:
        raise Wrong("logs takes one name")
    place = f"{folder}/workloads/{names[0]}"
    if "/" in names[0] or not os.path.isdir(place):
        raise client.Failed(f"there is no workload {names[0]!r}")
    source = output.Output(place)
    watch = linux.inotify() if follow else -1
    if follow:
        os.set_blocking(watch, True)
        linux.inotify_add(watch, place, linux.IN_MODIFY | linux.IN_DELETE_SELF)
    position = _begin(place, source) if current else source.begin()
    position = _last_lines(source, position, count) if count >= 0 else position
    while True:
        position = _copy(source, position)
        if not follow or not os.path.isdir(place):
            return 0
        linux.inotify_read(watch)


def _copy(source: output.Output, position: int) -> int:
    while True:
        start, data = source.read(position)
        if start > position:
            print(f"({start - position} bytes are gone, the output is bounded)", file=sys.stderr)
        if not data:
            return start
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        position = start + len(data)


def _begin(place: str, source: output.Output) -> int:
    with open(f"{place}/state.json", encoding="utf-8") as file:
        return max(source.begin(), int(json.load(file)["position"]))


def _last_lines(source: output.Output, position: int, count: int) -> int:
    ends = [position]
    while True:
        start, data = source.read(position)
        if not data:
            break
        offset = data.find(b"\n")
        while offset >= 0:
            ends.append(start + offset + 1)
            offset = data.find(b"\n", offset + 1)
        del ends[: -count - 2]
        position = start + len(data)
    if ends[-1] == position:
        ends.pop()
    if not count or not ends:
        return position
    return ends[-count] if count <= len(ends) else ends[0]


def _fail(code: int, message: str, hint: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)
    return code
