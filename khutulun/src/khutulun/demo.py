"""`make demo` and `make stop`: a server with its state in the checkout, and the first example on it.

Shows each command before it runs it, so that it can be repeated by hand.
"""

import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
STATE = ROOT / "build" / "demo"
SOCKET = STATE / "run" / "khutulun.sock"
LOG = STATE / "server.log"
PROCESS = STATE / "server.process"
EXAMPLE = "examples/hello/service.yaml"
PATIENCE = 300.0
"""Seconds for the server to come up; the first time it compiles the drivers."""


class DemoFailed(Exception):
    """The demonstration cannot go on; the second argument is a hint."""


def start() -> None:
    STATE.mkdir(parents=True, exist_ok=True)
    if _pid() is None:
        _serve()
    else:
        print("Khutulun runs already.")
    environment = {**os.environ, "KHUTULUN_SOCKET": str(SOCKET)}
    deployed = subprocess.run(
        [_program("khutulun"), "service", "show", "hello"], env=environment, capture_output=True, check=False
    )
    if deployed.returncode != 0:
        _show(environment, "service", "deploy", EXAMPLE, "--name", "hello")
    _show(environment, "service", "graph", "hello")
    _show(environment, "service", "outputs", "hello")
    _show(environment, "logs", "hello/client")
    print(_next(), flush=True)


def stop() -> None:
    pid = _pid()
    if pid is None:
        print("Khutulun does not run.")
    else:
        environment = {**os.environ, "KHUTULUN_SOCKET": str(SOCKET)}
        found = subprocess.run(
            [_program("khutulun"), "service", "show", "hello"], env=environment, capture_output=True, check=False
        )
        if found.returncode == 0:
            _show(environment, "service", "undeploy", "hello")
        _end(pid)
        print("Khutulun has stopped.")
    supervisor = STATE / "supervisor"
    if supervisor.exists():
        quit = [_program("khutulun-supervisor"), "--folder", str(supervisor), "quit"]
        subprocess.run(quit, check=False, capture_output=True)
    shutil.rmtree(STATE, ignore_errors=True)


def _serve() -> None:
    """Start the server in the background; return when it is ready."""
    print(f"Starting Khutulun; its log is in {LOG.relative_to(ROOT)}.", flush=True)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        address = f"{folder}/notify"
        notify.bind(address)
        notify.settimeout(PATIENCE)
        with LOG.open("ab") as log:
            server = subprocess.Popen(
                [_program("khutulun"), "serve", "--state", str(STATE)],
                env={**os.environ, "NOTIFY_SOCKET": address},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=ROOT,
            )
        PROCESS.write_text(f"{server.pid} {_start_time(server.pid)}\n")
        ended = os.pidfd_open(server.pid)
        try:
            _await(notify, ended, server)
        finally:
            os.close(ended)


def _await(notify: socket.socket, ended: int, server: "subprocess.Popen[bytes]") -> None:
    poll = select.poll()
    poll.register(notify, select.POLLIN)
    poll.register(ended, select.POLLIN)
    ready = [descriptor for descriptor, _ in poll.poll(PATIENCE * 1000)]
    if notify.fileno() in ready:
        return
    if not ready:
        server.kill()
        server.wait()
        raise DemoFailed("the server does not come up", f"see {LOG}")
    raise DemoFailed(f"the server ended: {LOG.read_text().strip().splitlines()[-1:]}", f"see {LOG}")


def _show(environment: dict[str, str], *arguments: str) -> None:
    """Print a command and run it."""
    print(f"\n$ khutulun {shlex.join(arguments)}", flush=True)
    done = subprocess.run([_program("khutulun"), *arguments], env=environment, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise DemoFailed(f"`khutulun {shlex.join(arguments)}` failed", f"see {LOG}; `make stop` cleans up")


def _next() -> str:
    systemd = Path("/run/systemd/system").is_dir()
    user = "" if os.geteuid() == 0 else " --user"
    if systemd:
        kill = f"systemctl{user} kill -s KILL khutulun-hello-web-0"
    else:
        kill = f"khutulun-supervisor --folder {STATE / 'supervisor'} kill khutulun-hello-web-0 SIGKILL"
    return f"""
It runs. What to try next:

  export PATH={ROOT}/.venv/bin:$PATH KHUTULUN_SOCKET={SOCKET}
  khutulun service show hello                 everything that is known of it
  {kill}
  khutulun service events hello               the failure, your script's answer, the restart
  khutulun history hello --script             everything that was done, as a script
  khutulun exec -it hello/web -- sh           a shell beside the server
  khutulun service plan {EXAMPLE} --name hello --input greeting=Hi
                                              what an update would do
To stop it and remove everything:  make stop"""


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _pid() -> int | None:
    """Return the id of the server's process, if it is still that process."""
    if not PROCESS.exists():
        return None
    pid, began = PROCESS.read_text().split()
    return int(pid) if _start_time(int(pid)) == began else None


def _start_time(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _end(pid: int) -> None:
    """Have the server end, and wait for it."""
    descriptor = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGTERM)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(30_000):
            raise DemoFailed(f"the server (process {pid}) does not end", f"see {LOG}")
    finally:
        os.close(descriptor)


def main() -> int:
    actions = {"start": start, "stop": stop}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        print("usage: python -m khutulun.demo start|stop", file=sys.stderr)
        return 2
    try:
        actions[sys.argv[1]]()
    except DemoFailed as error:
        print(f"error: {error.args[0]}\nhint: {error.args[1]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
