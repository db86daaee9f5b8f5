"""Commands that change something, run so that their result survives the death of the host.

Each runs under a few lines of shell that hold a lock and write down how it ended. When the host is killed, the command
goes on; the next host waits for the lock and takes the result. It is never run twice. The entry of an effect in the
spool folder: ``lock`` (held while it runs), ``started`` (the process group), ``stdin``, ``out``, ``err``, ``status``.
"""

import fcntl
import os
import select
import shutil
import threading
from pathlib import Path

from floria.plugins.effects import processes
from floria.plugins.effects.sizes import SizeWatch
from floria.plugins.faults import Fault
from floria.plugins.requests import Output

SHELL = "/bin/sh"
WRAPPER = """floria_entry=$1; shift
exec 9<&0 <"$floria_entry/stdin"
echo $$ >"$floria_entry/started"
"$@" 9<&-
echo "$? ended" >"$floria_entry/status"
"""


def run(entry: Path, command: processes.Prepared, limits: processes.Limits) -> Output:
    """Run a command with its entry in the spool. Raises the faults of `processes.run`."""
    entry.mkdir(mode=0o700, parents=True, exist_ok=True)
    _create(entry / "stdin", command.stdin)
    lock, out, err = (
        os.open(entry / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for name in ("lock", "out", "err")
    )
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        argv = (SHELL, "-c", WRAPPER, "floria", str(entry), *command.argv)
        process = processes.start(argv, command.env, command.cwd, lock, out, err)
    finally:
        for descriptor in (lock, out, err):
            os.close(descriptor)
    fault = None
    try:
        fault = _wait(process.pid, entry, command.argv[0], limits)
    finally:
        if fault is not None or process.poll() is None:
            processes.kill_group(process.pid)
        process.wait()
    if fault is not None:
        raise fault
    return _result(entry, limits)


def resume(entry: Path, limits: processes.Limits) -> Output | None:
    """Wait for a command that an earlier host began; return its result, or None when it was never started.

    Raises the fault ``interrupted`` when its end is unknown, and ``timeout``.
    """
    if not (entry / "lock").exists():
        return None
    _await(entry / "lock", entry, limits)
    if not (entry / "started").exists():
        return None
    return _result(entry, limits)


def forget(entry: Path) -> None:
    """Remove an entry whose outcome is journaled."""
    shutil.rmtree(entry, ignore_errors=True)


def _wait(pid: int, entry: Path, program: str, limits: processes.Limits) -> Fault | None:
    poll = select.poll()
    pidfd = os.pidfd_open(pid)
    try:
        with SizeWatch([entry / "out", entry / "err"]) as sizes:
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


def _await(lock: Path, entry: Path, limits: processes.Limits) -> None:
    free = threading.Event()

    def wait() -> None:
        with open(lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            free.set()

    threading.Thread(target=wait, name="await-command", daemon=True).start()
    if not free.wait(limits.left):
        group = _number(entry / "started")
        if group is not None:
            processes.kill_group(group)
        raise Fault("timeout", "a command begun before the restart did not end in time and was killed", True)


def _result(entry: Path, limits: processes.Limits) -> Output:
    status = _number(entry / "status", " ended")
    if status is None:
        raise Fault("interrupted", "the command was started, but how it ended is unknown", True)
    out, err = entry / "out", entry / "err"
    if max(out.stat().st_size, err.stat().st_size) > limits.output:
        raise processes.too_much("the command", limits)
    return Output(status, processes.text(out.read_bytes()), processes.text(err.read_bytes()))


def _number(file: Path, ending: str = "") -> int | None:
    try:
        text = file.read_text().removesuffix("\n")
    except FileNotFoundError:
        return None
    number = text.removesuffix(ending)
    return int(number) if number.isdigit() and (number != text or not ending) else None


def _create(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
