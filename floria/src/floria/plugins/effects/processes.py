"""Runs programs: the one place that starts a process for a plugin. No shell, a clean environment, bounded output."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping

import msgspec

from floria.plugins.faults import Fault
from floria.plugins.requests import Output, RunCommand

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT: Mapping[str, str] = {"PATH": PATH, "LC_ALL": "C.UTF-8"}
CHUNK = 64 * 1024


_INHERITED = ("HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


def environment() -> dict[str, str]:
    """Return the environment of commands: plain, and where this user's home, runtime folder and session bus are."""
    return {**ENVIRONMENT, **{name: os.environ[name] for name in _INHERITED if name in os.environ}}


class Limits(msgspec.Struct, frozen=True):
    """What is left of a call: `deadline` on the monotonic clock, `output` in bytes for each stream."""

    deadline: float
    output: int

    def until(self, timeout: float) -> "Limits":
        """Return the limits of something that has a timeout of its own (0: none)."""
        return self if timeout <= 0 else Limits(min(self.deadline, time.monotonic() + timeout), self.output)

    @property
    def left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


class Prepared(msgspec.Struct, frozen=True):
    """A command with everything resolved."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    stdin: bytes


def prepare(request: RunCommand, environment: Mapping[str, str]) -> Prepared:
    """Resolve the program and the user. Raises the faults ``missing-program`` and ``not-found``."""
    path = environment.get("PATH", PATH)
    argv = (_find(request.argv[0], path), *request.argv[1:])
    if request.user is not None:
        switch = (f"--reuid={request.user}", f"--regid={_group(request.user)}", "--init-groups", "--")
        argv = (_find("setpriv", path), *switch, *argv)
    cwd = request.cwd or "/"
    if not os.path.isdir(cwd):
        raise Fault("not-found", f"the working folder {cwd} does not exist")
    return Prepared(argv, {**environment, **request.env}, cwd, (request.stdin or "").encode())


def run(command: Prepared, limits: Limits) -> Output:
    """Run to the end and return the output. Raises the faults ``timeout`` and ``output-limit``.

    Returns when the program ends, even if something it left behind still holds its output.
    """
    process = start(command.argv, command.env, command.cwd, subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
    try:
        out, err = _converse(process, command.stdin, command.argv[0], limits)
        return Output(exit_status(process.wait()), text(out), text(err))
    finally:
        if process.poll() is None:
            kill_group(process.pid)
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def start(
    argv: tuple[str, ...], env: Mapping[str, str], cwd: str, stdin: int, stdout: int, stderr: int
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own. Raises the fault ``not-startable``."""
    try:
        return subprocess.Popen(
            argv, env=dict(env), cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True, bufsize=0
        )
    except (OSError, ValueError) as error:
        raise Fault("not-startable", f"{argv[0]}: {error}") from None


def exit_status(returned: int) -> int:
    """Return the status as a shell tells it: 128 and the number of the signal for a killed program."""
    return 128 - returned if returned < 0 else returned


def kill_group(pid: int) -> None:
    """Kill a program that `start` started, with what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def too_long(program: str, limits: Limits) -> Fault:
    """Return the fault of a program that did not end in time."""
    return Fault("timeout", f"{os.path.basename(program)} did not end in time and was killed", True)


def too_much(program: str, limits: Limits) -> Fault:
    """Return the fault of a program that wrote too much."""
    return Fault("output-limit", f"{os.path.basename(program)} wrote more than {limits.output} bytes and was killed")


def text(data: bytes) -> str:
    """Return output as text; what is not UTF-8 becomes U+FFFD."""
    return data.decode("utf-8", "replace")


def _converse(process: "subprocess.Popen[bytes]", stdin: bytes, program: str, limits: Limits) -> tuple[bytes, bytes]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise ValueError("the process has no pipes")
    pidfd = os.pidfd_open(process.pid)
    output = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    source = process.stdin.fileno()
    for descriptor in (*output, source):
        os.set_blocking(descriptor, False)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    for descriptor in output:
        poll.register(descriptor, select.POLLIN)
    unsent = memoryview(stdin)
    if unsent:
        poll.register(source, select.POLLOUT)
    else:
        process.stdin.close()
    try:
        while True:
            ready = poll.poll(limits.left * 1000)
            if not ready:
                raise too_long(program, limits)
            for descriptor, _ in ready:
                if descriptor == source:
                    unsent = _send(source, unsent)
                    if not unsent:
                        poll.unregister(source)
                        process.stdin.close()
                elif descriptor in output and not _receive(descriptor, output[descriptor], program, limits):
                    poll.unregister(descriptor)
            if any(descriptor == pidfd for descriptor, _ in ready):
                for descriptor, data in output.items():
                    _drain(descriptor, data, program, limits)
                out, err = output.values()
                return bytes(out), bytes(err)
    finally:
        os.close(pidfd)


def _send(descriptor: int, data: memoryview) -> memoryview:
    try:
        return data[os.write(descriptor, data[:CHUNK]) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return data[len(data) :]


def _drain(descriptor: int, data: bytearray, program: str, limits: Limits) -> None:
    with contextlib.suppress(BlockingIOError):
        while _receive(descriptor, data, program, limits):
            pass


def _receive(descriptor: int, data: bytearray, program: str, limits: Limits) -> bool:
    """Read what there is; return False at the end. The descriptor is readable, or BlockingIOError is raised."""
    chunk = os.read(descriptor, CHUNK)
    data += chunk
    if len(data) > limits.output:
        raise too_much(program, limits)
    return bool(chunk)


def _find(program: str, path: str) -> str:
    found = shutil.which(program, path=path)
    if found is None:
        where = "" if "/" in program else f" in {path}"
        raise Fault("missing-program", f"{program} is not installed{where}")
    return found


def _group(user: str) -> str:
    import pwd

    try:
        return str(pwd.getpwnam(user).pw_gid)
    except KeyError:
        raise Fault("not-found", f"there is no user {user}") from None
