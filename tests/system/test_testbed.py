"""The test bed itself: hosts are real, separate, limited, lasting, and gone afterwards."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from testbed import cgroups, checkout, lab, leases, leftovers, machine, processes
from testbed.bare import Bare
from testbed.host import Host

MEMORY_HOG = "x = bytearray(200 * 1024 * 1024)"
COMPILED = """
from floria.plugins import Carrier, PluginHost, build
from khutulun import paths

def refuse(text):
    raise SystemExit(text)

folder = paths.paths(paths.default_scope()).compiled
PluginHost(folder, progress=refuse).load(build.runner(progress=refuse), Carrier.WASM)
(folder / "host-only").touch()
"""
PAUSE = """
sleep 1000 >/dev/null 2>&1 &
group=$(mktemp -d "$(ls -d /sys/fs/cgroup/freezer 2>/dev/null || echo /sys/fs/cgroup)/paused.XXXXXX")
echo $! >"$group/cgroup.procs"
if [ -e "$group/freezer.state" ]; then echo FROZEN >"$group/freezer.state"; else echo 1 >"$group/cgroup.freeze"; fi
"""
DOOMED = f"""
from testbed import lab
made = lab.Lab()
made.boot("doomed").run(["sh", "-euc", {PAUSE!r}])
print(made.lease.name, flush=True)
input()
"""


@pytest.mark.host
def test_host_is_fully_booted(fresh_host: Host) -> None:
    """A host is a Debian whose systemd runs without a failed unit. Others use the shared one, and may leave some."""
    assert fresh_host.run(["systemctl", "is-system-running"]).stdout.strip() == "running"
    assert fresh_host.run(["cat", "/proc/1/comm"]).stdout.strip() == "systemd"
    assert "trixie" in fresh_host.read("/etc/os-release")


@pytest.mark.host
def test_command_results_come_back_as_they_are(host: Host) -> None:
    """Status, both outputs, input, environment, working folder and user arrive unchanged."""
    script = 'cat; echo "$A" "$PWD" "$(id -un)"; echo wrong >&2; exit 7'
    result = host.run(["sh", "-c", script], check=False, input="in\n", env={"A": "b c"}, cwd="/var", user="worker")
    assert (result.status, result.stdout, result.stderr) == (7, "in\nb c /var worker\n", "wrong\n")
    assert host.run(["sh", "-c", "kill -9 $$"], check=False).status == -signal.SIGKILL
    with pytest.raises(machine.CommandFailed, match=r"false ended with status 1"):
        host.run(["false"])


@pytest.mark.host
def test_two_hosts_reach_each_other(hosts: Callable[[int], list[Host]]) -> None:
    """Hosts are on one network, by IPv4 and IPv6, and each has a name, a machine id and a disk of its own."""
    first, second = hosts(2)
    first.run(["ping", "-c1", "-W60", second.address])
    second.run(["ping", "-6", "-c1", "-W60", first.address6])
    first.write("/srv/mark", "first")
    assert not second.exists("/srv/mark")
    assert first.read("/etc/machine-id") != second.read("/etc/machine-id")
    assert first.run(["hostname"]).stdout.strip() == first.name


@pytest.mark.host
def test_limits_are_real(host: Host) -> None:
    """A unit that takes more memory than it may is killed by the kernel."""
    unit, program = ["systemd-run", "--wait", "--pipe", "--quiet", "-p"], ["python3", "-c", MEMORY_HOG]
    assert host.run([*unit, "MemoryMax=50M", *program], check=False).status != 0
    assert host.run([*unit, "MemoryMax=400M", *program], check=False).status == 0


@pytest.mark.host
def test_reboot_and_power_cut_keep_the_disk(fresh_host: Host) -> None:
    """Files and enabled units last; what was in memory does not."""
    fresh_host.write("/srv/kept", "yes")
    fresh_host.write("/run/lost", "yes")
    before = fresh_host.read("/proc/sys/kernel/random/boot_id"), fresh_host.leader
    fresh_host.reboot()
    assert fresh_host.leader != before[1]
    assert fresh_host.read("/srv/kept") == "yes"
    assert not fresh_host.exists("/run/lost")
    fresh_host.kill()
    assert not fresh_host.running
    with pytest.raises(processes.TestBedError, match="is off"):
        fresh_host.run(["true"])
    fresh_host.start()
    assert fresh_host.read("/srv/kept") == "yes"
    fresh_host.shutdown()
    assert not fresh_host.running


@pytest.mark.host
def test_the_checkout_runs_inside(host: Host) -> None:
    """The checkout's interpreter works for root and for a user; the checkout cannot be written."""
    for user in ("root", "worker"):
        host.run(["python", "-c", "import ssl, sqlite3, ctypes, msgspec, apsw, wasmtime"], user=user)
    assert host.run(["touch", str(checkout.ROOT / "touched")], check=False).status != 0


@pytest.mark.host
def test_compiled_plugins_are_there(fresh_host: Host) -> None:
    """Root and a user find the compiled plugins, in a folder of their own as the plugin host demands, and can add."""
    subprocess.run([sys.executable, ".ci/plugins.py"], cwd=checkout.ROOT, check=True)
    fresh_host.log_in("worker")
    for user in ("root", "worker"):
        fresh_host.run(["python", "-c", COMPILED], user=user)
    assert not (checkout.compiled() / "host-only").exists()


@pytest.mark.host
def test_a_user_has_a_session(fresh_host: Host) -> None:
    """User units run for an ordinary user, and again after a reboot, without anybody logging in."""
    fresh_host.log_in("worker")
    fresh_host.run(["systemd-run", "--user", "--wait", "true"], user="worker")
    fresh_host.reboot()
    fresh_host.run(["systemctl", "--user", "is-active", "default.target"], user="worker")


@pytest.mark.host
def test_the_bus_is_reachable_from_outside(host: Host) -> None:
    """A client on the machine that runs the tests talks to the host's systemd."""
    call = ["busctl", f"--address={host.bus_address}", "get-property", "org.freedesktop.systemd1"]
    call += ["/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "Version"]
    assert subprocess.run(call, capture_output=True, text=True, check=True).stdout.startswith('s "257')


@pytest.mark.host
def test_files_go_in_and_out(host: Host, tmp_path: Path) -> None:
    """Files and folders keep their content and mode on the way in and out."""
    program = tmp_path / "in" / "program"
    program.parent.mkdir()
    program.write_bytes(bytes(range(256)))
    program.chmod(0o755)
    host.copy_in(program.parent, "/srv/folder")
    host.copy_in(program, "/srv/alone")
    assert host.run(["stat", "-c%a %U", "/srv/folder/program", "/srv/alone"]).stdout == "755 root\n755 root\n"
    host.copy_out("/srv/folder", tmp_path / "out")
    host.copy_out("/srv/alone", tmp_path / "alone")
    assert (tmp_path / "out" / "program").read_bytes() == (tmp_path / "alone").read_bytes() == program.read_bytes()
    host.run(["rm", "-r", "/srv/folder", "/srv/alone"])


@pytest.mark.host
def test_terminal_size_interrupt_and_status(host: Host) -> None:
    """A program on a terminal sees its size, resizes and interrupts, and its status comes back."""
    script = "trap 'stty size; exit 9' INT; stty size; echo ready; while :; do sleep 1; done"
    with host.terminal(["sh", "-c", script], rows=30, columns=100) as shown:
        assert "30 100" in shown.expect("ready")
        shown.resize(40, 120)
        shown.send("\x03")
        status, rest = shown.finish()
    assert status == 9
    assert "40 120" in rest


@pytest.mark.host
def test_a_killed_program_is_gone(host: Host) -> None:
    """A started program has a number outside, takes signals, and does not outlive the one who waits for it."""
    with host.popen(["sleep", "1000"]) as sleeper:
        sleeper.signal(signal.SIGTERM)
        assert sleeper.wait() == -signal.SIGTERM
    with host.popen(["sh", "-c", "echo up; exec sleep 1000"]) as server:
        assert server.read_line() == "up\n"
    assert server.wait() == -signal.SIGKILL
    orphan = host.popen(["sleep", "1001"])
    inside = processes.identify(orphan.pid)
    handle = os.pidfd_open(orphan.pid)
    orphan.popen.kill()
    orphan.communicate()
    select.select([handle], [], [])
    os.close(handle)
    assert inside is not None
    assert not processes.alive(inside)


@pytest.mark.host
def test_leftovers_are_found(fresh_host: Host) -> None:
    """A unit, a file or a process of Khutulun that a test forgot is reported."""
    assert leftovers.find(fresh_host) == []
    fresh_host.run(["systemd-run", "--unit=khutulun-x-y-0", "sleep", "1000"])
    fresh_host.write("/var/lib/khutulun/state", "")
    found = "\n".join(leftovers.find(fresh_host))
    assert "unit khutulun-x-y-0.service" in found
    assert "/var/lib/khutulun" in found


@pytest.mark.host
def test_the_unified_layout_boots() -> None:
    """A lab can show its hosts the unified hierarchy alone, as plain Debian does."""
    with lab.Lab(cgroups.Layout.UNIFIED) as made:
        host = made.boot("unified")
        assert host.run(["stat", "-fc%T", "/sys/fs/cgroup"]).stdout.strip() == "cgroup2fs"
        host.run(["systemd-run", "--wait", "true"])
        assert host.run(["cat", "/proc/self/cgroup"]).stdout.splitlines()[-1] == "0::/visitors"


@pytest.mark.system
def test_bare_has_no_systemd_and_keeps_to_itself(bare: Bare) -> None:
    """A bare machine looks like this one without systemd; what is written, run or configured there stays there."""
    assert not bare.exists("/run/systemd/system")
    assert bare.run(["cat", "/proc/1/comm"]).stdout.strip() != "systemd"
    bare.write("/etc/testbed-mark", "")
    bare.run(["ip", "link", "add", "mark0", "type", "dummy"], check=False)
    assert not Path("/etc/testbed-mark").exists()
    assert not Path("/sys/class/net/mark0").exists()
    for root in cgroups.every():
        bare.run(["mkdir", str(root / "testbed-mark")])
        assert not (root / "testbed-mark").exists()
    assert {line.rpartition(":")[2] for line in bare.read("/proc/self/cgroup").splitlines()} == {"/"}
    bare.run(["python", "-c", "import msgspec"])
    orphan = bare.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"]).stdout.strip()
    assert bare.read(f"/proc/{orphan}/status").count("PPid:\t1\n") == 1
    bare.run(["kill", orphan])


@pytest.mark.system
def test_what_is_paused_does_not_hold_up_the_end_of_its_machine() -> None:
    """What is frozen cannot be killed, so a paused container would keep its machine from ending."""
    with Bare() as bare:
        lease = bare.lease
        bare.run(["sh", "-euc", PAUSE])
    assert lease.first is not None
    assert not processes.alive(lease.first)
    assert not list(cgroups.ROOT.glob(f"*/{lease.name}"))


@pytest.mark.host
def test_a_host_with_something_paused_is_removed(fresh_host: Host) -> None:
    """A power cut ends what is frozen too."""
    fresh_host.run(["sh", "-euc", PAUSE])
    fresh_host.kill()
    assert not fresh_host.running
    fresh_host.start()


@pytest.mark.system
def test_a_killed_run_leaves_nothing() -> None:
    """After `kill -9` of a test run its hosts end at once, and the next run frees its control groups (R94).

    So it is when something is paused in one of them, which nothing could kill.
    """
    command = [sys.executable, "-c", DOOMED]
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=checkout.ROOT)
    with run:
        assert run.stdout is not None
        lease = leases.read(leases.folder() / f"{run.stdout.readline().decode().strip()}.json")
        run.kill()
    assert lease is not None
    assert lease.first is not None
    leases.collect()  # another run on this machine may have done it already
    assert not processes.alive(lease.first)
    assert not lease.path.exists()
    assert not list(cgroups.ROOT.glob(f"*/{lease.name}"))
