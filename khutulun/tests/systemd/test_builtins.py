"""Which commands the agent does itself, and that the others are left to their programs."""

from pathlib import Path

import pytest

from floria.plugins.requests import RunCommand
from khutulun.systemd import links, settings
from khutulun.systemd.builtins import Builtins, transient

UNIT = "khutulun-s-n-0.service"
RUN = ("systemd-run", "--quiet", f"--unit={UNIT}", "--service-type=exec")


@pytest.fixture
def found() -> Builtins:
    return Builtins({"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": "/run/user/7"})


@pytest.mark.parametrize(
    "argv",
    [
        ("systemctl", "show", "--property=ActiveState,MainPID", UNIT),
        ("systemctl", "--user", "show", "--property=ActiveState", "x.timer"),
        ("systemctl", "start", UNIT),
        ("systemctl", "stop", UNIT),
        ("systemctl", "--user", "restart", UNIT),
        ("systemctl", "reset-failed", UNIT),
        ("systemctl", "daemon-reload"),
        ("systemctl", "is-enabled", UNIT),
        ("systemctl", "--root=/", "enable", UNIT),
        ("systemctl", "--root=/", "disable", UNIT),
        (*RUN, "--description=a b", "--setenv=A=b c", "--property=RestartSec=100ms", "--", "sleep", "1"),
    ],
)
def test_everyday_forms_are_builtin(found: Builtins, argv: tuple[str, ...]) -> None:
    assert found(RunCommand(argv)) is not None


@pytest.mark.parametrize(
    "argv",
    [
        ("systemctl", "show", UNIT),
        ("systemctl", "show", "--property=CPUUsageNSec", UNIT),
        ("systemctl", "start", "no-suffix"),
        ("systemctl", "is-enabled", UNIT, "b.service"),
        ("systemctl", "start", "a.service", "b.service"),
        ("systemctl", "stop", "khutulun-*.service"),
        ("systemctl", "--no-block", "stop", UNIT),
        ("systemctl", "--user", "--root=/", "enable", UNIT),
        ("systemctl",),
        ("/usr/bin/systemctl", "start", UNIT),
        ("systemd-run", "sleep", "1"),
        (*RUN[:2], "--service-type=exec", "--", "sleep", "1"),
        (*RUN, "--wait", "--", "sleep", "1"),
        (*RUN, "--property=IOWeight=7", "--", "sleep", "1"),
        (*RUN, "--property=MemoryMax=50%", "--", "sleep", "1"),
        (*RUN, "--property=RestartSec=1min 3s", "--", "sleep", "1"),
        (*RUN, "--", "there-is-no-such-program"),
        (*RUN, "--"),
        ("busctl", "call"),
    ],
)
def test_other_forms_are_left_to_the_program(found: Builtins, argv: tuple[str, ...]) -> None:
    assert found(RunCommand(argv)) is None


def test_commands_of_another_user_or_with_input_are_left_to_the_program(found: Builtins) -> None:
    argv = ("systemctl", "stop", UNIT)
    for request in (RunCommand(argv, user="daemon"), RunCommand(argv, stdin="x"), RunCommand(argv, cwd="/tmp")):
        assert found(request) is None


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("RestartSec", "100ms", [("RestartUSec", ("t", 100_000))]),
        ("TimeoutStartSec", "infinity", [("TimeoutStartUSec", ("t", settings.INFINITY))]),
        ("StartLimitIntervalSec", "0", [("StartLimitIntervalUSec", ("t", 0))]),
        ("TimeoutStopSec", "2min", [("TimeoutStopUSec", ("t", 120_000_000))]),
        ("CPUQuota", "150%", [("CPUQuotaPerSecUSec", ("t", 1_500_000))]),
        ("LimitNOFILE", "99", [("LimitNOFILE", ("t", 99)), ("LimitNOFILESoft", ("t", 99))]),
        ("KillSignal", "SIGINT", [("KillSignal", ("i", 2))]),
        ("RemainAfterExit", "yes", [("RemainAfterExit", ("b", True))]),
        ("StartLimitBurst", "5", [("StartLimitBurst", ("u", 5))]),
    ],
)
def test_settings_are_sent_as_systemd_run_sends_them(name: str, value: str, sent: list[settings.Property]) -> None:
    assert settings.properties(name, value) == sent


def test_a_transient_unit_is_the_one_that_is_asked_for() -> None:
    made = transient([*RUN[1:], "--setenv=A=1", "--setenv=B=x y", "--", "sh", "-c", "exit"], "/usr/bin:/bin")
    assert made.name == UNIT


class Units:
    """A folder of unit files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, install: str) -> None:
        (self.folder / name).write_text(f"[Unit]\nWantedBy=no\n[Service]\nExecStart=/bin/true\n[Install]\n{install}\n")

    @property
    def linked(self) -> dict[str, str]:
        found = sorted(self.folder.rglob("*"))
        return {str(one.relative_to(self.folder)): str(one.readlink()) for one in found if one.is_symlink()}


@pytest.fixture
def folder(tmp_path: Path) -> Units:
    return Units(tmp_path)


def test_enabling_makes_links_and_disabling_removes_them(folder: Units) -> None:
    folder.write("x.service", "# a comment\nWantedBy=multi-user.target other.target")
    folder.write("y.service", "WantedBy=multi-user.target")
    for _ in range(2):  # twice is the same as once
        assert links.enable("x.service", folder.folder) is not None
    links.enable("y.service", folder.folder)
    file = str(folder.folder / "x.service")
    assert folder.linked == {
        "multi-user.target.wants/x.service": file,
        "multi-user.target.wants/y.service": str(folder.folder / "y.service"),
        "other.target.wants/x.service": file,
    }
    done = links.disable("x.service", folder.folder)
    assert done is not None
    assert done.stderr.count("Removed") == 2
    assert list(folder.linked) == ["multi-user.target.wants/y.service"]
    assert not (folder.folder / "other.target.wants").exists()


@pytest.mark.parametrize("install", ["", "Alias=z.service", "WantedBy=a.target\nAlso=z.service", "WantedBy=%i.target"])
def test_units_that_ask_for_more_are_left_to_systemctl(folder: Units, install: str) -> None:
    folder.write("x.service", install)
    assert links.enable("x.service", folder.folder) is None
    assert links.disable("x.service", folder.folder) is None
    assert links.enable("missing.service", folder.folder) is None
    assert folder.linked == {}


def test_a_unit_with_another_name_is_left_to_systemctl(folder: Units) -> None:
    folder.write("x.service", "WantedBy=a.target")
    (folder.folder / "alias.service").symlink_to("x.service")
    assert links.disable("x.service", folder.folder) is None
    assert links.enable("alias.service", folder.folder) is None
