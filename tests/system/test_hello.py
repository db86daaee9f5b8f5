"""The first example on whole machines: with systemd, for one user, and without systemd (T175)."""

import pytest
from testbed.bare import Bare
from testbed.host import Host
from testbed.installation import HELLO, Installation

WEB = "khutulun-hello-web-0.service"


def answered(host: Host, since: str = "@0") -> None:
    """Return when the client has reached the server: both start at once after a reboot, and the client tries again."""
    follow = f"journalctl -b -f -n all -o cat --since {since} -u khutulun-hello-client-0"
    host.run(["bash", "-c", f"coproc {follow}; grep -qm1 answers <&${{COPROC[0]}}; kill $COPROC_PID"])


def fetch(installation: Installation) -> str:
    url = installation.json("service", "outputs", "hello")["url"]["value"]
    script = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).status)"
    return installation.machine.run(["python3", "-c", script, url]).stdout.strip()


@pytest.mark.host
def test_r2_r14_r20_r21_r40_r50_hello_on_a_host_with_systemd(host: Host) -> None:
    with Installation(host).serving() as khutulun:
        plan = khutulun.run("service", "plan", HELLO, check=False)
        assert plan.status == 2
        assert f"/etc/systemd/system/{WEB}" in plan.stdout
        assert not host.exists(f"/etc/systemd/system/{WEB}")
        khutulun.run("service", "deploy", HELLO)
        assert host.run(["systemctl", "is-active", WEB]).stdout.strip() == "active"
        assert fetch(khutulun) == "200"
        assert "answers 200" in khutulun.run("logs", "hello/client").stdout
        assert khutulun.run("service", "plan", HELLO, check=False).status == 0
        host.run(["systemctl", "kill", "-s", "KILL", WEB])
        handled = khutulun.wait_for_event("hello", "failed", "handling")
        assert handled["data"]["status"] == "done"
        assert "hello/web: failed" in handled["data"]["result"]["output"]
        khutulun.wait_for_event("hello", "restarted")
        assert khutulun.run("service", "validate", "hello").stdout.strip() == "no differences"
        done = khutulun.run("exec", "hello/web", "--", "sh", "-c", "exit 7", check=False)
        assert done.status == 7
        khutulun.run("service", "undeploy", "hello")
        assert khutulun.json("service", "list") == []
    assert not host.exists(f"/etc/systemd/system/{WEB}")
    host.run(["rm", "-rf", "/var/lib/khutulun", "/run/khutulun"])


@pytest.mark.host
def test_r51_r52_everything_goes_on_without_khutulun_and_comes_back_after_a_reboot(fresh_host: Host) -> None:
    with Installation(fresh_host).serving() as khutulun:
        khutulun.run("service", "deploy", HELLO)
        script = khutulun.run("history", "hello", "--script").stdout
    units = [WEB, "khutulun-hello-client-0.service"]
    active = ["systemctl", "is-active", *units]
    assert fresh_host.run(active).stdout.split() == ["active", "active"]
    fresh_host.reboot()
    answered(fresh_host)
    assert fresh_host.run(active).stdout.split() == ["active", "active"]
    with Installation(fresh_host).serving() as khutulun:
        assert fetch(khutulun) == "200"
        assert khutulun.run("service", "validate", "hello").stdout.strip() == "no differences"
        khutulun.run("service", "undeploy", "hello")
    fresh_host.run(["rm", "-rf", "/var/lib/khutulun"])
    fresh_host.write("/root/by-hand.sh", script)
    now = fresh_host.run(["date", "+@%s.%6N"]).stdout.strip()
    fresh_host.run(["sh", "/root/by-hand.sh"])
    answered(fresh_host, now)
    assert fresh_host.run(active).stdout.split() == ["active", "active"]


@pytest.mark.host
def test_r13_exec_with_a_terminal_passes_size_interrupts_and_the_exit_code(host: Host) -> None:
    with Installation(host).serving() as khutulun:
        khutulun.run("service", "deploy", HELLO)
        argv = [
            "khutulun",
            "exec",
            "-it",
            "hello/web",
            "--",
            "sh",
            "-c",
            "stty size; trap 'exit 9' INT; echo on; read x",
        ]
        with host.terminal(argv, rows=31, columns=101) as shown:
            shown.expect("31 101")
            shown.expect("on")
            shown.send("\x03")
            status, _ = shown.finish()
        assert status == 9
        khutulun.run("service", "undeploy", "hello")
    host.run(["rm", "-rf", "/var/lib/khutulun", "/run/khutulun"])


@pytest.mark.host
def test_hello_for_one_user_with_the_users_own_manager(fresh_host: Host) -> None:
    fresh_host.log_in("worker")
    with Installation(fresh_host, "worker").serving() as khutulun:
        khutulun.run("service", "deploy", HELLO)
        shown = fresh_host.run(["systemctl", "--user", "is-active", WEB], user="worker")
        assert shown.stdout.strip() == "active"
        assert fetch(khutulun) == "200"
        fresh_host.run(["systemctl", "--user", "kill", "-s", "KILL", WEB], user="worker")
        assert khutulun.wait_for_event("hello", "failed", "handling")["data"]["status"] == "done"
        khutulun.run("service", "undeploy", "hello")


@pytest.mark.system
def test_r2_hello_on_a_machine_without_systemd(bare: Bare) -> None:
    supervisor = ["khutulun-supervisor", "--folder", "/var/lib/khutulun/supervisor"]
    with Installation(bare).serving() as khutulun:
        khutulun.run("service", "deploy", HELLO)
        assert fetch(khutulun) == "200"
        bare.run([*supervisor, "kill", "khutulun-hello-web-0", "SIGKILL"])
        assert khutulun.wait_for_event("hello", "failed", "handling")["data"]["status"] == "done"
        khutulun.wait_for_event("hello", "restarted")
    with Installation(bare).serving() as khutulun:
        assert fetch(khutulun) == "200"
        khutulun.run("service", "undeploy", "hello")
        assert bare.run([*supervisor, "show", "--all"]).stdout.split() == ["{", '"workloads":', "[]", "}"]
