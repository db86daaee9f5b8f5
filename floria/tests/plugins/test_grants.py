"""R32: what grants allow, refuse, and mean in words."""

import pytest

from floria.plugins import Carrier, Fault, Severity, explain, grants, missing, requests, subset
from floria.plugins.grants import Grants, fits


def parse(**data: object) -> Grants:
    return grants.parse(data)


@pytest.mark.parametrize(
    ("patterns", "arguments", "expected"),
    [
        (("show", "*"), ("show", "a.service"), True),
        (("show", "*"), ("show",), False),
        (("show", "*"), ("show", "a", "b"), False),
        (("show", "*", "..."), ("show", "a"), True),
        (("show", "*", "..."), ("show", "a", "-x", "b"), True),
        (("show", "*", "..."), ("show",), False),
        (("...",), (), True),
        ((), (), True),
        ((), ("x",), False),
        (("show", "*"), ("show", "--root=/evil"), False),
        (("show", "*"), ("show", "-H"), False),
        (("--unit=khutulun-*",), ("--unit=khutulun-a",), True),
        (("--unit=khutulun-*",), ("--unit=other",), False),
        (("/etc/khutulun-*",), ("/etc/khutulun-a/../../shadow",), False),
        (("--file=/etc/k*",), ("--file=/etc/k/../shadow",), False),
        (("..",), ("..",), True),
        (("a[12]",), ("a2",), True),
        (("a?",), ("ab",), True),
        (("A*",), ("ab",), False),
        (("a*",), ("a\nb",), True),
    ],
)
def test_r32_argument_patterns(patterns: tuple[str, ...], arguments: tuple[str, ...], expected: bool) -> None:
    assert fits(patterns, arguments) is expected


def permit(allowed: Grants, request: requests.Request) -> object:
    return grants.permit(allowed, request)


def denied(allowed: Grants, request: requests.Request) -> None:
    with pytest.raises(Fault, match="denied"):
        permit(allowed, request)


def test_the_grant_decides_what_is_a_query() -> None:
    allowed = parse(
        commands=[
            {"program": "systemctl", "arguments": ["show", "..."], "effect": "query"},
            {"program": "systemctl", "arguments": ["..."], "effect": "change"},
        ]
    )
    assert grants.permit(allowed, requests.RunCommand(("systemctl", "show", "x"))).change is False
    assert grants.permit(allowed, requests.RunCommand(("systemctl", "start", "x"))).change is True
    denied(allowed, requests.RunCommand(("/usr/bin/systemctl", "show", "x")))
    denied(allowed, requests.RunCommand(("./systemctl", "show", "x")))


def test_r32_commands_choose_only_granted_variables_users_and_folders() -> None:
    allowed = parse(
        commands=[{"program": "a", "environment": ["K_*"], "users": ["nobody"]}], files=[{"path": "/srv/x"}]
    )
    permit(allowed, requests.RunCommand(("a",), {"K_A": "1"}, None, "/srv/x/y", "nobody"))
    denied(allowed, requests.RunCommand(("a",), {"LD_PRELOAD": "/evil.so"}))
    denied(allowed, requests.RunCommand(("a",), {"K_A=1\nPATH": "x"}))
    denied(allowed, requests.RunCommand(("a",), user="root"))
    denied(allowed, requests.RunCommand(("a",), cwd="/etc"))
    for argv in ((), ("a\0b",)):
        with pytest.raises(Fault, match="invalid-request"):
            permit(allowed, requests.RunCommand(argv))


def test_r32_files_by_folder_pattern_and_access() -> None:
    allowed = parse(
        files=[
            {"path": "/etc/systemd/system", "access": "write", "pattern": "khutulun-*"},
            {"path": "/etc/hosts"},
            {"path": "/srv/"},
        ]
    )
    permit(allowed, requests.WriteFile("/etc/systemd/system/khutulun-a.service", ""))
    permit(allowed, requests.WriteFile("/etc/systemd/system/khutulun-a.service.d/o.conf", ""))
    permit(allowed, requests.ReadFile("/etc/hosts"))
    permit(allowed, requests.ReadFile("/srv//a/b"))
    permit(allowed, requests.ListFolder("/etc/systemd/system"))
    for path in (
        "/etc/systemd/system/ssh.service",
        "/etc/systemd/system/ssh.d/khutulun-a",
        "/etc/systemd/systemx/khutulun-a",
    ):
        denied(allowed, requests.WriteFile(path, ""))
    denied(allowed, requests.WriteFile("/etc/hosts", ""))
    denied(allowed, requests.ReadFile("/etc/hosts.allow"))
    denied(allowed, requests.ReadFile("/srv/../etc/shadow"))
    denied(allowed, requests.ReadFile("srv/a"))
    denied(allowed, requests.ReadFile("/srv/a\0b"))


def test_r32_dbus_http_secrets_and_graph() -> None:
    allowed = parse(
        dbus=[{"destination": "org.a", "interface": "org.a.*", "member": "Get*", "effect": "query"}],
        http=[{"url": "https://example.org:8443/api/", "methods": ["GET"]}],
        secrets=["db-*"],
        graph=[{"access": "emit", "scope": "own"}],
    )
    call = requests.CallDBus("system", "org.a", "/x", "org.a.M", "GetAll")
    assert grants.permit(allowed, call).change is False
    denied(allowed, requests.CallDBus("system", "org.a", "/x", "org.a.M", "Set"))
    denied(allowed, requests.CallDBus("session", "org.a", "/x", "org.a.M", "GetAll"))
    assert grants.permit(allowed, requests.SendHttp("GET", "https://EXAMPLE.org:8443/api/x?y")).change is False
    for url in (
        "https://example.org/api/x",
        "http://example.org:8443/api/x",
        "https://example.org:8443/apix",
        "https://example.org:8443/api/../x",
        "https://example.org:8443/api/..%2fx",
        "https://example.org:8443@evil/api/",
        "https://example.org:8443\\@evil/api/",
        "https://example.org:8443/api/ x",
        "ftp://example.org:8443/api/x",
    ):
        denied(allowed, requests.SendHttp("GET", url))
    denied(allowed, requests.SendHttp("POST", "https://example.org:8443/api/x"))
    permit(allowed, requests.GetSecret("db-password"))
    denied(allowed, requests.GetSecret("root-password"))
    assert grants.permit(allowed, requests.EmitEvent("x", "y")).scope is grants.Scope.OWN
    denied(allowed, requests.GetEntity("x"))
    denied(allowed, requests.SetProperty("x", "y", 1))


def test_places_are_filled() -> None:
    asked = parse(
        commands=[{"program": "{state}/bin/x", "arguments": ["{run}/*"]}],
        files=[{"path": "{units}", "access": "write"}],
        http=[{"url": "http+unix://{run}%2Fpodman.sock/v4"}],
    )
    places = {"state": "/s", "run": "/r", "units": "/u"}
    filled = grants.fill(asked, places)
    assert filled.commands[0].program == "/s/bin/x"
    assert filled.commands[0].arguments == ("/r/*",)
    assert filled.files[0].path == "/u"
    permit(filled, requests.SendHttp("GET", "http+unix://%2Fr%2Fpodman.sock/v4/x"))
    with pytest.raises(grants.InvalidGrants, match="names the place 'units'; known places: run, state"):
        grants.fill(asked, {"state": "/s", "run": "/r"})


@pytest.mark.parametrize(
    "data",
    [{"command": []}, {"commands": [{}]}, {"commands": "sh"}, {"files": [{"path": "/", "access": "execute"}]}, []],
)
def test_bad_grants_say_where(data: object) -> None:
    with pytest.raises(grants.InvalidGrants, match=r"grants: .*"):
        grants.parse(data)


@pytest.mark.parametrize(
    ("data", "severity"),
    [
        ({"commands": [{"program": "sh", "arguments": ["-c", "*"]}]}, Severity.FULL),
        ({"commands": [{"program": "/usr/bin/python3.11", "arguments": ["..."], "effect": "query"}]}, Severity.FULL),
        ({"commands": [{"program": "find", "arguments": ["/srv", "..."], "effect": "query"}]}, Severity.FULL),
        ({"commands": [{"program": "systemd-run", "arguments": ["--unit=k-*", "..."]}]}, Severity.FULL),
        ({"commands": [{"program": "sudo", "arguments": ["..."]}]}, Severity.FULL),
        ({"commands": [{"program": "env", "arguments": ["*"]}]}, Severity.FULL),
        ({"commands": [{"program": "ls", "arguments": ["..."], "environment": ["*"]}]}, Severity.FULL),
        ({"commands": [{"program": "sh", "arguments": ["/opt/fixed.sh"]}]}, Severity.CHANGE),
        ({"commands": [{"program": "systemctl", "arguments": ["show", "*"], "effect": "query"}]}, Severity.LOOK),
        ({"commands": [{"program": "systemctl", "arguments": ["start", "k-*"]}]}, Severity.CHANGE),
        ({"files": [{"path": "/", "access": "write"}]}, Severity.FULL),
        ({"files": [{"path": "/etc/systemd/system", "access": "write", "pattern": "k-*"}]}, Severity.FULL),
        ({"files": [{"path": "{state}", "access": "write"}]}, Severity.CHANGE),
        ({"files": [{"path": "/etc"}]}, Severity.LOOK),
        ({"dbus": [{"destination": "org.freedesktop.systemd1"}]}, Severity.FULL),
        ({"http": [{"url": "http+unix://%2Frun%2Fdocker.sock/"}]}, Severity.FULL),
        ({"http": [{"url": "http://127.0.0.1/", "methods": ["GET"]}]}, Severity.LOOK),
        ({"graph": [{"access": "write", "scope": "all"}]}, Severity.CHANGE),
        ({"secrets": ["*"]}, Severity.LOOK),
        ({"evaluate": True}, Severity.LOOK),
    ],
)
def test_r32_grants_in_words(data: dict[str, object], severity: Severity) -> None:
    (sentence,) = explain(grants.parse(data))
    assert sentence.severity is severity, sentence
    assert ("FULL ACCESS" in str(sentence)) is (severity is Severity.FULL)


def test_an_executable_is_full_access() -> None:
    assert explain(grants.NONE) == []
    assert explain(grants.NONE, Carrier.EXECUTABLE)[0].severity is Severity.FULL


@pytest.mark.parametrize(
    ("kind", "granted", "asked", "expected"),
    [
        ("commands", {"program": "a", "arguments": ["..."]}, {"program": "a", "arguments": ["x", "*"]}, True),
        ("commands", {"program": "a", "arguments": ["x", "..."]}, {"program": "a", "arguments": ["*", "y"]}, False),
        ("commands", {"program": "a", "arguments": ["*"]}, {"program": "a", "arguments": ["x"]}, True),
        ("commands", {"program": "a", "arguments": ["*"]}, {"program": "a", "arguments": ["--x"]}, False),
        ("commands", {"program": "a", "arguments": ["*"]}, {"program": "a", "arguments": ["..."]}, False),
        ("commands", {"program": "a", "effect": "change"}, {"program": "a", "effect": "query"}, False),
        ("commands", {"program": "a"}, {"program": "a", "users": ["root"]}, False),
        ("files", {"path": "/srv", "access": "write"}, {"path": "/srv/x"}, True),
        ("files", {"path": "/srv"}, {"path": "/srv", "access": "write"}, False),
        ("files", {"path": "/srv", "pattern": "k-*"}, {"path": "/srv"}, False),
        ("files", {"path": "/srv"}, {"path": "/srvx"}, False),
        ("dbus", {"destination": "a", "member": "*"}, {"destination": "a", "member": "Get"}, True),
        ("dbus", {"destination": "a", "member": "Get"}, {"destination": "a"}, False),
        ("http", {"url": "http://a/x"}, {"url": "http://a/x/y", "methods": ["GET"]}, True),
        ("http", {"url": "http://a/x"}, {"url": "http://a/xy"}, False),
        ("graph", {"access": "write", "scope": "service"}, {"access": "read", "scope": "own"}, True),
        ("graph", {"access": "read", "scope": "service"}, {"access": "read", "scope": "all"}, False),
    ],
)
def test_what_is_granted_covers_what_is_asked(kind: str, granted: object, asked: object, expected: bool) -> None:
    have, want = grants.parse({kind: [granted]}), grants.parse({kind: [asked]})
    assert subset(want, have) is expected
    assert missing(want, have) == (grants.NONE if expected else want)
    assert subset(want, want)
    assert subset(have, have)
