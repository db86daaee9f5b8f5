"""The kit's own server, in a folder of its own: started well, started in a bad place, or started to be killed."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from floria.plugins.effects import processes
from khutulun import model, shipped
from khutulun.api import arguments
from khutulun.client import Client
from khutulun.testing.drivers import description, mortal

PATIENCE = 180.0
"""Seconds after which a server that is asked for nothing, and in which nothing comes to an end, is killed, so that the
kit can say where it was."""

# Shell functions for what a fault says; they work in mounts of the server alone.
PRELUDE = """
mkdir -p "$LAYERS"
mount -t tmpfs tmpfs "$LAYERS"
layer() {
    set -- "$(realpath "$1")" "$LAYERS/$(realpath "$1" | tr / _)"
    if [ ! -d "$2" ]; then
        mkdir "$2" "$2/upper" "$2/work" "$2/real"
        mount --bind "$1" "$2/real"
        mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$1"
    fi
    if [ "$(findmnt --noheadings --output FSTYPE --mountpoint "$1")" != overlay ]; then
        echo "$1 has no view of its own" >&2
        exit 1
    fi
}
places() {
    case $1 in /*) echo "$1" ;; *) for folder in $PLACES; do echo "$folder/$1"; done ;; esac
}
hide() {
    for file in $(places "$1"); do
        if [ -e "$file" ]; then layer "${file%/*}"; rm "$file"; fi
    done
}
instead() {
    for file in $(places "$1"); do
        if [ -e "$file" ]; then
            layer "${file%/*}"
            rm "$file"
            real=$LAYERS/$(realpath "${file%/*}" | tr / _)/real/${file##*/}
            printf '#!/bin/sh\nREAL=%s\n%s\n' "$real" "$2" >"$file"
            chmod 755 "$file"
        fi
    done
}
read_only() { mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; }
full() {
    mount -t tmpfs -o size=4k,mode=755 tmpfs "$1"
    while echo full >>"$1/full"; do :; done 2>/dev/null || :
}
dead() { mount --bind /dev/null "$1"; }
"""


class Failed(Exception):
    """A row of the table is not true; the message says what was seen."""


class Server:
    """Khutulun with its state in `state`, as the user who runs the kit. Its words are kept in a file beside it."""

    def __init__(self, state: Path, driver: description.Driver, plugin: Path | None) -> None:
        self._state, self._driver, self._plugin = state, driver, plugin
        self._environment = dict(os.environ)
        if driver.profiles.is_dir():
            self._environment[shipped.VARIABLE] = str(driver.profiles)
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: threading.Timer | None = None
        self._added = False
        self.log = state / "server.log"
        self._client = Client(state / "run" / "khutulun.sock")

    @property
    def client(self) -> Client:
        """How it is asked; `PATIENCE` begins anew when it is."""
        self._renew()
        return self._client

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise Failed("the server is not running")
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Start it as it should be."""
        self._start(self._serving(), self._environment)

    def start_dying(self, verbs: str, number: int, moment: str) -> None:
        """Start one that is killed at an effect, once it was let; see `mortal`."""
        command = _program(mortal.__name__, str(self._state), verbs, str(number), moment)
        self._start(command, self._environment, subprocess.PIPE)

    def let_die(self) -> None:
        """Have one that is to be killed wait no longer: what it was asked for is begun, and is answered."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def start_badly(self, fault: description.Fault, texts: Mapping[str, str]) -> None:
        """Start one in the place that a fault describes; `texts` are the variables of the description."""
        lines = [PRELUDE, *(f'hide "{name}"' for name in fault.hide)]
        lines += [f'instead "{name}" {shlex.quote(text)}' for name, text in fault.instead.items()]
        text = "\n".join(["set -eu", *lines, fault.run, 'exec "$@"'])
        command = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", text, "fault"]
        environment = {"LAYERS": str(self._state / "layers"), "PLACES": processes.PATH.replace(":", " ")}
        self._start([*command, *self._serving()], {**self._environment, **texts, **environment})

    def stop(self) -> None:
        """Have it end in order. Do nothing when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def died(self) -> bool:
        """Whether it has ended by itself, now that its connection is lost; then it can be started again."""
        self.process.wait()
        self._forget()
        return True

    def _serving(self) -> list[str]:
        return _program("khutulun.cli", "serve", "--state", str(self._state), "--log-level", "warning")

    def _start(self, command: list[str], environment: dict[str, str], stdin: int = subprocess.DEVNULL) -> None:
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdin=stdin, stdout=subprocess.PIPE, stderr=log)
        self._process = process
        self._renew()
        assert process.stdout is not None
        for line in process.stdout:
            if b"serving at" in line:
                break
        else:
            self.died()
            raise Failed(f"the server did not start: {self.last_words()}")
        self._add()

    def _add(self) -> None:
        """Add the plugin under test, once."""
        if self._plugin is None or self._added:
            return
        carriers = {".wasm": "wasm", ".py": "python"}
        carrier = carriers.get(self._plugin.suffix, "executable")
        self.client.add_plugin(self._plugin.read_bytes(), carrier, self._driver.name)
        self._added = True

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._forget()

    def _renew(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._process is not None:
            self._watch = threading.Timer(PATIENCE, self._process.kill)
            self._watch.daemon = True
            self._watch.start()

    def _forget(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        for pipe in (self._process.stdin, self._process.stdout) if self._process is not None else ():
            if pipe is not None:
                pipe.close()
        self._process = self._watch = None

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:].strip() if self.log.exists() else ""

    def settled(self, execution: model.Execution) -> model.Execution:
        """Return an execution that has ended, as the events tell. Raises `model.Refused` when the server goes away."""
        asked = arguments.Events(follow=True, limit=1)
        with self.client.events(asked) as events:
            found = self.client.execution(execution.id)
            while found.state == "running":
                for event in events:
                    self._renew()
                    if event.kind == "execution":
                        break
                else:
                    raise Failed("the server ended the events")
                found = self.client.execution(execution.id)
            return found

    @contextlib.contextmanager
    def following(self) -> Iterator[Iterator[model.Event]]:
        """Give the events that come from now on."""
        with self.client.events(arguments.Events(follow=True, limit=1)) as events:
            yield iter(events)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the command line of Khutulun against it."""
        return subprocess.run(
            _program("khutulun.cli", *words),
            env={**self._environment, "KHUTULUN_SOCKET": str(self._client.path)},
            capture_output=True,
            text=True,
            check=False,
        )


def _program(module: str, *words: str) -> list[str]:
    """Return the command for a module of this installation, whatever the place from which it is called."""
    if module == "khutulun.cli":
        return [sys.executable, "-c", "import sys; from khutulun.cli import main; sys.exit(main())", *words]
    return [sys.executable, "-m", module, *words]
