"""Commands that change something, run so that their result survives the death of the host.

Each runs under a few lines of shell that hold a lock and write down how it ended. When the host is killed, the command
goes on; the next host waits for the lock and takes the result. It is never run twice. What an effect has in the spool
folder, by its id: ``.record`` (locked while it runs; says that it was started, by which process group, and how it
ended), ``.in``, ``.out``, ``.err``. Flat files, because folders cost more than the rest together.
"""

import fcntl
import os
import re
import select
import threading
from pathlib import Path

from floria.plugins.effects import processes
from floria.plugins.effects.sizes import SizeWatch
from floria.plugins.faults import Fault
from floria.plugins.requests import Output

SHELL = "/bin/sh"
WRAPPER = """floria_input=$1; shift
exec 9<&0 <"$floria_input"
echo "started $$" >&9
"$@" 9<&-
echo "ended $?" >&9
"""
_CREATE = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def run(entry: Path, command: processes.Prepared, limits: processes.Limits) -> Output:
    """Run a command that leaves its result at `entry` in the spool. Raises the faults of `processes.run`."""
    entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stdin = _input(entry, command.stdin)
    record, out, err = (os.open(_part(entry, name), _CREATE, 0o600) for name in ("record", "out", "err"))
    try:
        fcntl.flock(record, fcntl.LOCK_EX)
        argv = (SHELL, "-c", WRAPPER, "floria", stdin, *command.argv)
        process = processes.start(argv, command.env, command.cwd, record, out, err)
    finally:
        for descriptor in (record, out, err):
            os.close(descriptor)
    fault: Fault | None = processes.too_long(command.argv[0], limits)
    try:
        fault = _wait(process.pid, entry, command.argv[0], limits)
    finally:
        if fault is not None:
            processes.kill_group(process.pid)
        process.wait()
    if fault is not None:
        raise fault
    return _result(entry, limits)


def resume(entry: Path, limits: processes.Limits) -> Output | None:
    """Wait for a command that an earlier host began; return its result, or None when it was never started.

    Raises the fault ``interrupted`` when its end is unknown, and ``timeout``.
    """
    record = _part(entry, "record")
    if not record.exists():
        return None
    _await(entry, record, limits)
    return None if _said(entry, "started") is None else _result(entry, limits)


def forget(entry: Path) -> None:
    """Remove what an effect whose outcome is journaled has in the spool."""
    for name in ("in", "out", "err", "record"):
        _part(entry, name).unlink(missing_ok=True)


def _wait(pid: int, entry: Path, program: str, limits: processes.Limits) -> Fault | None:
    poll = select.poll()
    pidfd = os.pidfd_open(pid)
    try:
        with SizeWatch([_part(entry, "out"), _part(entry, "err")]) as sizes:
            poll.register(pidfd, select.POLLIN)
            poll.register(sizes.descriptor, select.POLLIN)
            while True:
                ready = [descriptor for descriptor, _ in poll.poll(limits.left * 1000)]
                if not ready:
                    return processes.too_long(program, limits)
                if pidfd in ready:
                    return None
                if sizes.largest() > limits.output:
                    return processes.too_much(program, limits)
    finally:
        os.close(pidfd)


def _await(entry: Path, record: Path, limits: processes.Limits) -> None:
    free = threading.Event()

    def wait() -> None:
        with record.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            free.set()

    threading.Thread(target=wait, name="await-command", daemon=True).start()
    if not free.wait(limits.left):
        group = _said(entry, "started")
        if group is not None:
            processes.kill_group(group)
        raise Fault("timeout", "a command begun before the restart did not end in time and was killed", True)


def _result(entry: Path, limits: processes.Limits) -> Output:
    status = _said(entry, "ended")
    if status is None:
        raise Fault("interrupted", "the command was started, but how it ended is unknown", True)
    out, err = _part(entry, "out"), _part(entry, "err")
    if max(out.stat().st_size, err.stat().st_size) > limits.output:
        raise processes.too_much("the command", limits)
    return Output(status, processes.text(out.read_bytes()), processes.text(err.read_bytes()))


def _said(entry: Path, what: str) -> int | None:
    """Return the number behind a word of the record."""
    found = re.search(rf"^{what} (\d+)\n", _part(entry, "record").read_text(), re.MULTILINE)
    return int(found[1]) if found else None


def _input(entry: Path, content: bytes) -> str:
    if not content:
        return os.devnull
    file = _part(entry, "in")
    with os.fdopen(os.open(file, _CREATE, 0o600), "wb") as opened:
        opened.write(content)
    return str(file)


def _part(entry: Path, name: str) -> Path:
    return entry.parent / f"{entry.name}.{name}"
