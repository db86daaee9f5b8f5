"""What somebody may not do: another user's server, another tenant's directory; and a scope without systemd."""

import signal
from pathlib import Path

import pytest
from testbed import checkout
from testbed.bare import Bare
from tests.bad_input import refusals
from tests.bad_input.served import Served
from tests.bad_input.test_commands import GOOD

pytestmark = pytest.mark.system

COMPILED = "/home/worker/.cache/khutulun/compiled"
USERS = f"""set -e
groupadd khutulun; useradd -m worker; useradd -m -G khutulun tenant
chmod 755 /root
mkdir -p {COMPILED}
cp -r "$1/." {COMPILED}
chmod 700 {COMPILED}
chown -R worker: /home/worker
"""
"""Two users, one of them in the server's group; who may run what is worked on, wherever its interpreter is."""
COMMANDS = (
    ("service", "show", "hers", "--directory", "/hers"),
    ("service", "deploy", "/srv/good.yaml", "--name", "mine", "--directory", "/hers"),
    ("service", "deploy", "/srv/good.yaml", "--name", "mine"),
    ("service", "plan", "/srv/good.yaml", "--name", "mine"),
    ("service", "update", "hers", "/srv/good.yaml", "--directory", "/hers"),
    ("service", "undeploy", "hers", "--directory", "/hers"),
    ("service", "validate", "hers", "--directory", "/hers"),
    ("service", "events", "hers", "--directory", "/hers"),
    ("history", "hers", "--directory", "/hers"),
    ("events",),
    ("event", "emit", "boo", "hers", "--directory", "/hers"),
    ("call", "hers/a", "lifecycle.start", "--directory", "/hers"),
    ("logs", "hers/a", "--directory", "/hers"),
    ("plugin", "list"),
    ("plugin", "remove", "process"),
    ("plugin", "add", "/srv/good.py", "--yes"),
)


@pytest.fixture
def system(bare: Bare, log: Path) -> Served:
    """A machine with a member of the server's group and a stranger to it."""
    bare.run(["sh", "-c", USERS, "users", str(checkout.compiled())])
    bare.write("/srv/good.yaml", GOOD)
    bare.write("/srv/good.py", "from floria_plugin import Plugin\nplugin = Plugin('good', '1.0.0')\n")
    return Served(bare, "/srv/state", log, scope="--system")


def test_other_users_reach_what_their_roles_say(system: Served) -> None:
    with system.up():
        system.do("service", "deploy", "/srv/good.yaml", "--name", "hers", "--directory", "/hers")
        with system.unchanged():
            refusals.check(
                system.run("service", "list", user="worker"), "is not open to you", hint="member of the group"
            )
            for command in COMMANDS:
                ended = system.run(*command, user="tenant")
                refusals.check(ended, "user tenant has no role in", hint="can give a role")
            refusals.check(
                system.run("exec", "hers/a", "--directory", "/hers", "--", "id", user="tenant"),
                "user tenant has no role in",
                hint="can give a role",
                status=125,
            )
            assert system.run("service", "list", user="tenant").stdout.count("hers") == 0
        store = system.machine.run(["cat", "/srv/state/floria"], user="worker", check=False)
        assert store.status != 0
        system.do("service", "undeploy", "hers", "--directory", "/hers")


def test_a_user_cannot_serve_where_others_are(system: Served) -> None:
    argv = ["khutulun", "serve", "--system"]
    refusals.check(system.machine.run(argv, user="worker", check=False), "cannot make", hint="--user")
    system.machine.run(["install", "-d", "-m", "755", "/srv/roots"])
    argv = ["khutulun", "serve", "--user", "--state", "/srv/roots"]
    refusals.check(system.machine.run(argv, user="worker", check=False), "/srv/roots", hint="--state")


def test_a_cache_that_others_could_write_is_not_used(system: Served) -> None:
    system.machine.run(["chmod", "777", COMPILED])
    argv = ["khutulun", "serve", "--user", "--state", "/home/worker/state"]
    refusals.check(system.machine.run(argv, user="worker", check=False), COMPILED, hint="KHUTULUN_CACHE")


def test_the_user_scope_works_without_systemd(system: Served, log: Path) -> None:
    system.machine.run(["install", "-d", "-o", "worker", "/srv/workers"])
    served = Served(system.machine, "/srv/workers/state", log, user="worker")
    with served.up():
        served.do("service", "deploy", "/srv/good.yaml", "--name", "x")
        served.do("service", "undeploy", "x")
    argv = ["khutulun", "serve"]
    with system.machine.popen(argv, user="worker", env={"XDG_RUNTIME_DIR": ""}) as running:
        assert "serving at" in running.read_line()
        running.signal(signal.SIGTERM)
        assert running.wait() == 0
