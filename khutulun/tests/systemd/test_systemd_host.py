"""Builtins beside the programs that they stand for, in a booted host (R35, R44): the same end, also after a crash."""

import json
import sys
import textwrap
from typing import Any

import pytest

pytestmark = pytest.mark.host

PRELUDE = """
import json, os, subprocess, sys, threading, time
from pathlib import Path
from floria.plugins.effects.processes import Limits
from floria.plugins.requests import RunCommand
from khutulun.systemd.builtins import Builtins

builtins = Builtins()
UNIT = "khutulun-s-n-0.service"

def limits(seconds=200.0):
    return Limits(time.monotonic() + seconds, 1 << 20)

def own(*argv):
    output = builtins(RunCommand(argv)).run(limits())
    return output.status, output.stdout, output.stderr

def theirs(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr

def shown(unit, *names):
    lines = theirs("systemctl", "show", "--property=" + ",".join(names), unit)[1].splitlines()
    return dict(line.split("=", 1) for line in lines)
"""


@pytest.fixture
def inside(host: Any) -> Any:
    """Run a script on the host; it prints JSON."""

    def run(script: str) -> Any:
        done = host.run([sys.executable, "-c", PRELUDE + textwrap.dedent(script) + "\nbuiltins.close()\n"])
        return json.loads(done.stdout)

    return run


def test_what_is_shown_is_what_systemctl_shows(inside: Any) -> None:
    found = inside(
        """
        names = ("ActiveState,DropInPaths,FragmentPath,InvocationID,LoadState,NeedDaemonReload,SubState,UnitFileState,"
                 "ExecMainCode,ExecMainStatus,MainPID,NRestarts,Result")
        units = ("systemd-journald.service", "there-is-none.service", "systemd-tmpfiles-clean.timer", "dbus.socket")
        print(json.dumps([
            [sorted(run("systemctl", "show", f"--property={names}", unit)[1].splitlines()) for run in (own, theirs)]
            for unit in units
        ]))
        """
    )
    for own, theirs in found:
        assert own == theirs
        assert len(own) > 5


def test_r50_a_transient_unit_is_the_one_that_systemd_run_makes(inside: Any) -> None:
    """Every setting that the driver may write is the same in both."""
    first, second, again = inside(
        """
        argv = ["systemd-run", "--quiet", f"--unit={UNIT}", "--description=n of s", "--service-type=exec",
                "--property=StartLimitIntervalSec=10s", "--property=StartLimitBurst=5", "--property=NotifyAccess=all",
                "--property=TimeoutStartSec=infinity", "--property=WorkingDirectory=/var", "--property=User=daemon",
                "--property=Group=daemon", "--property=Restart=on-failure", "--property=RestartSec=100ms",
                "--property=KillSignal=SIGINT", "--property=TimeoutStopSec=1min", "--property=MemoryMax=67108864",
                "--property=CPUQuota=50%", "--property=TasksMax=9", "--property=LimitNOFILE=99",
                "--setenv=A=b c", "--setenv=D=$e", "--", "sleep", "infinity"]
        volatile = ("Timestamp", "PID", "InvocationID", "Memory", "CPUUsage", "Id", "Tasks", "ExecStart", "IO", "IP",
                    "EffectiveMemory", "EffectiveTasks", "Handoff")
        def made(run):
            assert run(*argv) == (0, "", ""), run(*argv)
            text = theirs("systemctl", "show", UNIT)[1].splitlines()
            named = [line.partition("=") for line in text]
            kept = [[name, *sorted(value.split())] for name, _, value in named if not any(map(name.count, volatile))]
            kept += [theirs("systemctl", "show", "--value", "--property=" + name, UNIT)[1] for name in
                     ("MemoryMax", "TasksMax", "RestartUSec")]
            command = theirs("systemctl", "show", "--value", "--property=ExecStart", UNIT)[1].split(" ; ")[:3]
            again = run(*argv)
            theirs("systemctl", "stop", UNIT)
            return kept + command, again[0]
        one, two = made(own), made(theirs)
        print(json.dumps([one[0], two[0], [one[1], two[1]]]))
        """
    )
    assert first == second
    assert again == [1, 1]


def test_units_are_started_stopped_and_forgotten_as_by_systemctl(inside: Any) -> None:
    found = inside(
        """
        file = Path("/etc/systemd/system", UNIT)
        def life(run):
            install = "[Install]\\nWantedBy=multi-user.target\\n"
            file.write_text("[Service]\\nType=exec\\nExecStart=sleep infinity\\n" + install)
            steps = [run("systemctl", "--root=/", "enable", UNIT), theirs("systemctl", "is-enabled", UNIT)]
            steps += [run("systemctl", "start", UNIT), run("systemctl", "start", UNIT)]
            before = shown(UNIT, "ActiveState", "MainPID")
            steps += [run("systemctl", "restart", UNIT)]
            after = shown(UNIT, "ActiveState", "MainPID")
            steps += [before["ActiveState"], after["ActiveState"], before != after]
            steps += [run("systemctl", "stop", UNIT), run("systemctl", "--root=/", "disable", UNIT)]
            file.write_text("[Service]\\nType=oneshot\\nExecStart=false\\n")
            steps += [run("systemctl", "daemon-reload"), run("systemctl", "start", UNIT)[0]]
            steps += [shown(UNIT, "ActiveState", "Result"), run("systemctl", "reset-failed", UNIT)]
            steps += [shown(UNIT, "ActiveState")]
            file.unlink()
            steps += [run("systemctl", "daemon-reload"), run("systemctl", "start", UNIT)[0]]
            steps += [run("systemctl", "stop", UNIT)[0], theirs("ls", "/etc/systemd/system/multi-user.target.wants")]
            return steps
        print(json.dumps([life(own), life(theirs)]))
        """
    )
    assert found[0] == found[1]


def test_whether_units_are_enabled_is_told_as_by_systemctl(inside: Any) -> None:
    """What has no unit file is left to the program, which knows of scripts of other systems."""
    ours, told, unknown = inside(
        """
        wanted = "[Install]\\nWantedBy=multi-user.target\\n"
        for name, install in {"static": "", "wanted": wanted, "unwanted": wanted}.items():
            Path(f"/etc/systemd/system/khutulun-{name}.service").write_text(f"[Service]\\nExecStart=true\\n{install}")
        theirs("systemctl", "--root=/", "enable", "khutulun-wanted.service")
        theirs("systemctl", "mask", "khutulun-masked.service")
        theirs("systemctl", "daemon-reload")
        argvs = [("systemctl", "is-enabled", f"khutulun-{name}.service")
                 for name in ("static", "wanted", "unwanted", "masked", "none")]
        unknown = builtins(RunCommand(argvs.pop())).run(limits())
        print(json.dumps([[run(*argv) for argv in argvs] for run in (own, theirs)] + [unknown]))
        for file in Path("/etc/systemd/system").rglob("khutulun-*.service"):
            file.unlink()
        theirs("systemctl", "daemon-reload")
        """
    )
    assert ours == told
    assert [(status, text) for status, text, _ in ours] == [
        (0, "static\n"), (0, "enabled\n"), (1, "disabled\n"), (1, "masked\n"),
    ]  # fmt: skip
    assert unknown is None


def test_many_threads_share_a_conversation_that_ends_with_its_use(inside: Any) -> None:
    active, threads, left = inside(
        """
        from concurrent.futures import ThreadPoolExecutor
        def cycle(number):
            unit = f"khutulun-s-n-{number}.service"
            argv = ("systemd-run", "--quiet", f"--unit={unit}", "--service-type=exec", "--", "sleep", "infinity")
            assert own(*argv)[0] == 0
            state = own("systemctl", "show", "--property=ActiveState", unit)[1].strip()
            assert own("systemctl", "stop", unit)[0] == 0
            return state
        with ThreadPoolExecutor(16) as pool:
            states = set(pool.map(cycle, range(64)))
        gone = threading.Event()
        while len(builtins._shared._open):
            gone.wait(0.01)
        print(json.dumps([sorted(states), threading.active_count(), len(builtins._shared._users)]))
        """
    )
    assert active == ["ActiveState=active"]
    assert (threads, left) == (2, 0)


def test_r14_after_a_crash_what_was_started_is_not_started_again(inside: Any) -> None:
    """Whether it runs, is starting, has failed, or has ended and is forgotten; what was not begun is done now."""
    found = inside(
        """
        count = Path("/var/count")
        def argv(*command):
            return ("systemd-run", "--quiet", f"--unit={UNIT}", "--service-type=exec", "--", *command)
        def resumed(command, begun):
            output = builtins(RunCommand(command)).resume(begun, limits())
            return output.status
        counting = argv("sh", "-c", "echo x >>/var/count; exec sleep infinity")
        ending = argv("sh", "-c", "echo x >>/var/count")
        failing = argv("sh", "-c", "echo x >>/var/count; exit 3")
        result = {}
        for name, command in (("running", counting), ("ended", ending), ("failed", failing)):
            count.write_text("")
            begun = time.time_ns()
            own(*command)
            while name == "ended" and shown(UNIT, "LoadState")["LoadState"] == "loaded":
                time.sleep(0.01)
            while name == "failed" and shown(UNIT, "ActiveState")["ActiveState"] != "failed":
                time.sleep(0.01)
            while not count.read_text():
                time.sleep(0.01)
            result[name] = [resumed(command, begun), count.read_text()]
            theirs("systemctl", "stop", UNIT)
            theirs("systemctl", "reset-failed", UNIT)
        count.write_text("")
        resumed(ending, time.time_ns())
        while count.read_text() != "x\\n":
            time.sleep(0.01)
        result["not begun"] = [0, count.read_text()]
        count.write_text("")
        file = Path("/etc/systemd/system/slow.service")
        file.write_text("[Service]\\nType=oneshot\\nExecStart=sh -c 'echo x >>/var/count; exec sleep 1'\\n")
        begun = time.time_ns()
        theirs("systemctl", "start", "--no-block", "slow.service")
        result["starting"] = [resumed(("systemctl", "start", "slow.service"), begun), count.read_text()]
        file.unlink()
        print(json.dumps(result))
        """
    )
    assert found == {
        "running": [0, "x\n"],
        "ended": [0, "x\n"],
        "failed": [1, "x\n"],
        "not begun": [0, "x\n"],
        "starting": [0, "x\n"],
    }


def test_a_users_own_systemd_is_asked_by_that_user_alone(fresh_host: Any) -> None:
    """In the user scope it is the user's manager; a socket of somebody else is left to the program."""
    fresh_host.log_in("worker")
    script = """
        argv = ("systemd-run", "--user", "--quiet", f"--unit={UNIT}", "--service-type=exec", "--", "sleep", "infinity")
        show = ("systemctl", "--user", "show", "--property=ActiveState", UNIT)
        foreign = builtins(RunCommand(("systemctl", "stop", UNIT))).run(limits())
        print(json.dumps([own(*argv), own(*show), theirs(*show), foreign, own("systemctl", "--user", "stop", UNIT)]))
        builtins.close()
    """
    program = PRELUDE + textwrap.dedent(script)
    started, shown, theirs, foreign, stopped = json.loads(
        fresh_host.run([sys.executable, "-c", program], user="worker").stdout
    )
    assert started == [0, "", ""]
    assert shown == theirs == [0, "ActiveState=active\n", ""]
    assert foreign is None
    assert stopped == [0, "", ""]
