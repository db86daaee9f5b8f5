"""R104, R74: roles in directories are given to users and groups and taken back, and the audit log has all of it."""

import grp
import pwd
from collections.abc import Callable

import pytest

from khutulun import model
from khutulun.conductor.conductor import Conductor
from khutulun.testing.machine import ME, Machine, note

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
