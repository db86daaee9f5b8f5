"""R104, R74: roles in directories are given to users and groups and taken back, and the audit log has all of it."""

import grp
import logging
import logging.handlers
import pwd
import queue
from collections.abc import Callable

import pytest

from khutulun import model
from khutulun.conductor import endings
from khutulun.conductor.conductor import Conductor
from khutulun.testing.machine import ME, Machine, bundle, note

NOBODY = pwd.getpwnam("nobody")
WHO = model.Principal(NOBODY.pw_uid, NOBODY.pw_gid, "nobody")
OWN_GROUP = f"group:{grp.getgrgid(NOBODY.pw_gid).gr_name}"


@pytest.fixture
def conductor(machine: Machine) -> Conductor:
    return machine.running.conductor


def may(conductor: Conductor, directory: str = "/team") -> str:
    """Return the best that somebody may do."""
    attempts: dict[str, Callable[[], object]] = {
        "owner": lambda: conductor.grant_access(WHO, "daemon", "none", f"{directory}/else"),
        "operator": lambda: conductor.set_secret(WHO, "db", b"password", f"{directory}/else"),
        "viewer": lambda: conductor.services(WHO, directory) or conductor.access(WHO, directory),
    }
    told: list[tuple[int, bool]] = []
    for role, attempt in attempts.items():
        try:
            attempt()
        except model.Refused as refused:
            told.append((refused.status, "khutulun access grant" in refused.problems[0].hint))
        else:
            return role
    assert set(told) == {(403, True)}
    return "none"


@pytest.mark.parametrize("role", ["none", "viewer", "operator", "owner"])
@pytest.mark.parametrize("who", ["nobody", OWN_GROUP, "*"])
@pytest.mark.parametrize("above", ["/team", "/"])
def test_r104_a_role_holds_in_its_directory_and_below(conductor: Conductor, who: str, role: str, above: str) -> None:
    assert may(conductor) == "none"
    assert conductor.grant_access(ME, who, role, above) == model.Access(who, role, above)
    assert may(conductor) == role
    assert may(conductor, "/other") == ("none" if above == "/team" else role)
    conductor.revoke_access(ME, who, above)
    assert may(conductor) == "none"


def test_r104_the_nearest_directory_counts_and_in_it_the_user_before_groups_and_everybody(conductor: Conductor) -> None:
    conductor.grant_access(ME, "*", "viewer")
    assert may(conductor) == "viewer"
    conductor.grant_access(ME, OWN_GROUP, "operator")
    assert may(conductor) == "operator"
    conductor.grant_access(ME, "nobody", "owner")
    assert may(conductor) == "owner"
    conductor.grant_access(ME, "*", "none", "/team")
    assert may(conductor) == "none"
    assert conductor.access(ME, "/team") == [
        model.Access("*", "none", "/team"),
        model.Access(OWN_GROUP, "operator", "/"),
        model.Access("nobody", "owner", "/"),
    ]


@pytest.mark.parametrize(
    ("who", "role", "code"),
    [
        ("nobody", "chief", "bad-role"),
        ("nobody", "", "bad-role"),
        ("no-such-user", "viewer", "unknown-user"),
        ("group:no-such-group", "viewer", "unknown-user"),
        ("group:", "viewer", "unknown-user"),
        ("", "viewer", "unknown-user"),
    ],
)
def test_r104_what_is_no_role_or_nobody_is_refused(conductor: Conductor, who: str, role: str, code: str) -> None:
    with pytest.raises(model.Refused) as caught:
        conductor.grant_access(ME, who, role, "/team")
    assert caught.value.problems[0].code == code
    assert caught.value.problems[0].hint
    assert conductor.access(ME, "/team") == []


def test_r104_what_was_not_given_is_not_taken_back(conductor: Conductor) -> None:
    conductor.grant_access(ME, "nobody", "viewer")
    with pytest.raises(model.Refused, match="/team gives nobody no role") as caught:
        conductor.revoke_access(ME, "nobody", "/team")
    assert caught.value.problems[0].hint == "it comes from /: revoke it there"
    with pytest.raises(model.Refused, match="'team' is no directory"):
        conductor.grant_access(ME, "nobody", "viewer", "team")


def test_r104_only_owners_give_roles_and_every_change_is_in_the_audit_log(
    conductor: Conductor, machine: Machine
) -> None:
    conductor.grant_access(ME, "nobody", "operator", "/team")
    for attempt in (
        lambda: conductor.grant_access(WHO, "nobody", "owner", "/team"),
        lambda: conductor.revoke_access(WHO, "nobody", "/team"),
    ):
        with pytest.raises(model.Refused, match="nobody has the role operator in /team; owner is needed"):
            attempt()
    conductor.set_secret(WHO, "db", b"password", "/team")
    conductor.remove_secret(WHO, "db", "/team")
    conductor.revoke_access(ME, "nobody", "/team")
    machine.deploy("s", note("a"))
    told = [one for one in conductor.events(ME, directory="/team", after=0) if one.kind == "audit"]
    assert [(one.name, one.data) for one in told] == [
        ("access-granted", {"who": "nobody", "role": "operator", "by": ME.name}),
        ("secret-set", {"secret": "db", "by": "nobody"}),
        ("secret-removed", {"secret": "db", "by": "nobody"}),
        ("access-revoked", {"who": "nobody", "by": ME.name}),
    ]


def audited(conductor: Conductor, service: str | None = None, directory: str = "/") -> list[tuple[str, str, str, str]]:
    found = conductor.audit(ME, service=service, directory=directory)
    assert [one.time for one in found] == sorted(one.time for one in found)
    return [(one.by, one.action, "/".join(filter(None, (one.service, one.node))), one.outcome) for one in found]


def test_r104_who_did_what_to_a_service_when_and_how_it_ended_is_in_the_audit_log(
    conductor: Conductor, machine: Machine
) -> None:
    conductor.grant_access(ME, "nobody", "operator")
    machine.deploy("s", note("a"))
    archive = conductor.upload(ME, bundle(note("a"), note("b")))
    machine.wait(conductor.update(ME, model.DeployRequest("s", archive)))
    conductor.update(ME, model.DeployRequest("s", archive))
    conductor.call(WHO, "s", "a", "lifecycle.stop", {})
    with pytest.raises(model.Refused):
        conductor.call(WHO, "s", "a", "lifecycle.dance", {"secret": "hidden"})
    conductor.emit(WHO, "rotated", service="s", data="hidden")
    with pytest.raises(model.Refused):
        conductor.revoke_access(WHO, ME.name)
    machine.wait(conductor.undeploy(ME, "s"))
    conductor.revoke_access(ME, "nobody")
    assert audited(conductor)[1:] == [  # the first is the plugin that the tests use
        (ME.name, "access-granted", "", "done"),
        (ME.name, "deploy", "s", "done"),
        (ME.name, "update", "s", "done"),
        (ME.name, "update", "s", "done"),
        ("nobody", "call", "s/a", "done"),
        ("nobody", "call", "s/a", "failed"),
        ("nobody", "emit", "s", "done"),
        ("nobody", "access-revoked", "", "denied"),
        (ME.name, "undeploy", "s", "done"),
        (ME.name, "access-revoked", "", "done"),
    ]
    assert "hidden" not in str(conductor.audit(ME))
    (failed,) = [one for one in conductor.audit(ME, service="s") if one.outcome == "failed"]
    assert (failed.uid, failed.data) == (WHO.uid, {"operation": "lifecycle.dance", "inputs": ["secret"]})
    assert failed.problem is not None
    assert failed.problem.code == "unknown-operation"
    assert failed.time <= failed.ended


def test_r104_a_program_is_in_the_audit_log_while_it_runs_and_with_why_it_could_not(
    conductor: Conductor, machine: Machine
) -> None:
    machine.deploy("s", note("a"))
    waiting = conductor.execute(ME, model.ExecRequest("s", "a", ("cat",), stdin=True))
    assert audited(conductor, "s")[1:] == [(ME.name, "exec", "s/a", "begun")]
    waiting.close_input()
    assert list(waiting.output()) == []
    assert waiting.wait() == 0
    left = conductor.execute(ME, model.ExecRequest("s", "a", ("cat",), stdin=True))
    left.close()
    missing = conductor.execute(ME, model.ExecRequest("s", "a", ("/nowhere/program",)))
    with pytest.raises(model.Refused, match="No such file"):
        list(missing.output())
    missing.close()
    assert [outcome for *_, outcome in audited(conductor, "s")[1:]] == ["done", "done", "failed"]
    (problem,) = [one.problem for one in conductor.audit(ME, service="s") if one.problem is not None]
    assert problem.code == "program-missing"


def test_r104_an_update_that_fails_and_its_rollback_are_those_of_who_asked_for_it(
    conductor: Conductor, machine: Machine
) -> None:
    conductor.grant_access(ME, "nobody", "operator")
    machine.deploy("s", note("a"))
    archive = conductor.upload(ME, bundle(note("a", text="2"), note("b", broken=True)))
    feed = conductor.events(ME, service="s", after=0, follow=True)
    machine.wait(conductor.update(WHO, model.DeployRequest("s", archive)))
    next(one for one in feed if one.name == "rollback-done")
    assert audited(conductor, "s")[1:] == [("nobody", "update", "s", "failed"), ("nobody", "rollback", "s", "done")]
    (problem,) = [one.problem for one in conductor.audit(ME, service="s") if one.problem is not None]
    assert problem.message


def test_r103_the_log_of_the_server_tells_how_executions_have_ended_and_why(
    conductor: Conductor, machine: Machine
) -> None:
    told: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    keeper = logging.handlers.QueueHandler(told)
    endings.log.addHandler(keeper)
    before = endings.log.level
    endings.log.setLevel(logging.INFO)
    try:
        machine.deploy("s", note("a"))
        done = told.get()
        conductor.deploy(ME, model.DeployRequest("t", conductor.upload(ME, bundle(note("b", broken=True)))))
        failed = told.get()
    finally:
        endings.log.removeHandler(keeper)
        endings.log.setLevel(before)
    assert (done.levelno, done.getMessage()) == (logging.INFO, "/s: deploy is done")
    assert failed.levelno == logging.WARNING
    assert failed.getMessage().startswith("/t: deploy has failed; t/b, operation ")


def test_r104_a_viewer_reads_the_audit_log_of_its_directory_and_nobody_else(
    conductor: Conductor, machine: Machine
) -> None:
    machine.deploy("s", note("a"))
    with pytest.raises(model.Refused):
        conductor.audit(WHO)
    conductor.grant_access(ME, "nobody", "viewer", "/team")
    assert [one.action for one in conductor.audit(WHO, directory="/team")] == ["access-granted"]
    with pytest.raises(model.Refused, match="there is no service 'nothing'"):
        conductor.audit(ME, service="nothing")
