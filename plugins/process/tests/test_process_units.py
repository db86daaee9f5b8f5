"""Unit files: what is written is what an administrator would write (R51)."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from process_driver import commands, units

from floria_plugin.driver import Site
from floria_plugin.faults import Permanent

EVERYTHING = {
    "command": ["/usr/bin/server", "--name"],
    "arguments": ['a "b" $c 100%', "line\nbreak"],
    "environment": {"GREETING": "hello world", "PATH": "/opt/bin:/usr/bin"},
    "working_directory": "/srv",
    "user": "daemon",
    "group": "adm",
    "restart": {"policy": "always", "delay": 0.5, "burst": 3, "interval": 60.0},
    "limits": {"memory": 67108864, "cpu": 0.5, "tasks": 20, "open_files": 100},
    "stop": {"signal": "SIGINT", "timeout": 90.0},
    "readiness": {"notify": True, "timeout": 12.0},
}
WRITTEN = """\
# Made by Khutulun. Changes by hand are noticed and shown, and not taken back.

[Unit]
Description=web of hello
StartLimitIntervalSec=1min
StartLimitBurst=3

[Service]
Type=notify
NotifyAccess=all
TimeoutStartSec=12s
ExecStart=/usr/bin/server --name "a \\"b\\" $$c 100%%" "line\\nbreak"
ExecSearchPath=/opt/bin:/usr/bin
Environment="GREETING=hello world"
Environment=PATH=/opt/bin:/usr/bin
WorkingDirectory=/srv
User=daemon
Group=adm
Restart=always
RestartSec=500ms
KillSignal=SIGINT
TimeoutStopSec=90s
MemoryMax=67108864
CPUQuota=50%
TasksMax=20
LimitNOFILE=100

[Install]
WantedBy=multi-user.target

[X-Khutulun]
Service=hello
Node=web
Index=0
"""


def _site(make_site: Any, properties: dict[str, Any], **more: Any) -> Site:
    return Site.of(make_site(properties, **more))


def test_r51_the_whole_unit(make_site: Any) -> None:
    site = _site(make_site, EVERYTHING)
    assert units.service(site, commands.read(site)) == WRITTEN


def test_r51_what_is_to_be_up_before_is_wanted_and_waited_for(make_site: Any) -> None:
    after = ["khutulun-hello-b-0", "a@1.service"]
    site = _site(make_site, {"command": ["sleep", "1"]}, after=after)
    first = "a@1.service khutulun-hello-b-0.service"
    assert f"\nWants={first}\nAfter={first}\n\n[Service]\n" in units.service(site, commands.read(site))
    transient = _site(make_site, {"command": ["sleep", "1"], "transient": True}, after=after)
    assert {"Wants", "After"}.isdisjoint(dict(units.unit(transient, commands.read(transient))))
    assert {"Wants", "After"} <= units.WITHOUT_RESTART


def test_r51_a_plain_process_has_a_short_unit(make_site: Any) -> None:
    site = _site(make_site, {"command": ["sleep", "1"]}, host={"scope": "user"})
    text = units.service(site, commands.read(site))
    assert "WantedBy=default.target" in text
    assert [line for line in text.splitlines() if line.startswith(("Type", "Exec", "User", "Environment"))] == [
        "Type=exec",
        "ExecStart=sleep 1",
    ]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"calendar": "daily", "catch_up": True}, ["OnCalendar=daily", "Persistent=yes", "AccuracySec=1s"]),
        ({"delay": 5.0}, ["OnActiveSec=5s", "AccuracySec=1ms"]),
        ({"interval": 3600.0}, ["OnActiveSec=0", "OnUnitActiveSec=1h", "AccuracySec=1s"]),
        ({"delay": 90.0, "interval": 0.25}, ["OnActiveSec=90s", "OnUnitActiveSec=250ms", "AccuracySec=1ms"]),
    ],
)
def test_timers(make_site: Any, schedule: dict[str, Any], expected: list[str]) -> None:
    site = _site(make_site, {"command": ["true"], "schedule": schedule}, kind="Job")
    text = units.timer(site, commands.read(site))
    section = text.partition("[Timer]\n")[2].partition("\n\n")[0]
    assert section.splitlines() == expected


def test_a_job_is_a_oneshot_that_stays_done(make_site: Any) -> None:
    site = _site(make_site, {"command": ["true"], "timeout": 60.0}, kind="Job")
    lines = units.service(site, commands.read(site)).splitlines()
    assert {"Type=oneshot", "RemainAfterExit=yes", "TimeoutStartSec=1min"} <= set(lines)
    assert "[Install]" not in lines


@pytest.mark.parametrize(
    ("properties", "more", "message"),
    [
        ({}, {}, "the property command is empty"),
        ({"command": ["bin/x"]}, {}, "neither absolute nor begins with './'"),
        ({"command": ["./x"]}, {}, "there is no program and no service file"),
        ({"command": ["a\0b"]}, {}, "no text that can be passed on"),
        ({"command": ["x"], "readiness": {"timeout": 3.0}}, {}, "exactly one of port, command, log, notify; has none"),
        ({"command": ["x"], "readiness": {"port": 1, "log": "x"}}, {}, "has port and log"),
        ({"command": ["x"], "user": "me"}, {"host": {"scope": "user"}}, "only the system scope can choose a user"),
        ({"command": ["x"], "schedule": {}}, {"kind": "Job"}, None),
        ({"command": ["x"], "schedule": {"calendar": "daily", "delay": 1.0}}, {"kind": "Job"}, "either calendar, or"),
    ],
)
def test_what_cannot_be_run_is_refused(
    make_site: Any, properties: dict[str, Any], more: dict[str, Any], message: str | None
) -> None:
    site = _site(make_site, properties, **more)
    if message is None:
        assert commands.read(site).schedule is None
        return
    with pytest.raises(Permanent) as refused:
        commands.read(site)
    assert message in str(refused.value)


def test_relative_programs_are_those_of_the_installed_program_or_the_service(make_site: Any) -> None:
    edge = {"name": "program", "target": {"node": "app", "properties": {"path": "/opt/app"}}}
    installed = commands.read(_site(make_site, {"command": ["./bin/run"]}, edges=[edge]))
    assert (installed.argv, installed.directory) == (["/opt/app/bin/run"], "/opt/app")
    files = {"run": {"file": "bin/run", "path": "/var/lib/khutulun/artifacts/hello/bin/run"}}
    carried = commands.read(_site(make_site, {"command": ["./bin/run"]}, artifacts=files))
    assert (carried.argv, carried.directory) == (["/var/lib/khutulun/artifacts/hello/bin/run"], "/")


def test_what_differs_is_found_by_setting(make_site: Any) -> None:
    site = _site(make_site, EVERYTHING)
    text = units.service(site, commands.read(site))
    assert units.changed(text, text + "\n# a note\n") == set()
    assert units.changed(text, text.replace("MemoryMax=67108864", "MemoryMax=1G")) == {"MemoryMax"}
    assert units.changed(text, text.replace("Environment=PATH=/opt/bin:/usr/bin\n", "")) == {"Environment"}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_is_one_word_again(text: str) -> None:
    quoted = units.quote(text)
    assert "\n" not in quoted
    assert _unquote(quoted).replace("%%", "%") == text


@pytest.mark.system
def test_r51_systemd_accepts_the_units(make_site: Any, tmp_path: Path) -> None:
    job = {"command": ["/bin/true", *EVERYTHING["arguments"]], "schedule": {"calendar": "Mon..Fri *:0/15"}}
    process = {**EVERYTHING, "command": ["/bin/true"]}
    for properties, kind, name in ((process, "Process", "a"), (job, "Job", "b")):
        site = _site(make_site, properties, kind=kind)
        command = commands.read(site)
        files = {f"khutulun-{name}.service": units.service(site, command)}
        if kind == "Job":
            files[f"khutulun-{name}.timer"] = units.timer(site, command)
        for file, text in files.items():
            (tmp_path / file).write_text(text)
        program = shutil.which("systemd-analyze") or "systemd-analyze"
        paths = [str(tmp_path / file) for file in files]
        done = subprocess.run([program, "verify", "--man=no", *paths], capture_output=True, text=True, check=False)
        assert [line for line in done.stderr.splitlines() if "khutulun-" in line] == []


def _unquote(text: str) -> str:
    """Read a word as systemd does."""
    if not text.startswith('"'):
        return text
    plain, index = "", 1
    while index < len(text) - 1:
        if text[index] != "\\":
            plain, index = plain + text[index], index + 1
        elif text[index + 1] == "x":
            plain, index = plain + chr(int(text[index + 2 : index + 4], 16)), index + 4
        else:
            plain, index = plain + {"n": "\n", "t": "\t"}.get(text[index + 1], text[index + 1]), index + 2
    return plain


def test_r105_variables_with_secrets_stand_in_a_file_of_their_own() -> None:
    environment = {"OPEN": "a", "KEY": 'say "$5" \\ `x`', "OTHER": "b"}
    file = "/etc/systemd/system/khutulun-s-n-0.service.env"
    command = commands.Command(["x"], environment, hidden=frozenset({"KEY", "GONE"}), environment_file=file)
    shown = [setting for setting in units.settings(command) if setting[0].startswith("Environment")]
    assert shown == [("Environment", "OPEN=a"), ("Environment", "OTHER=b"), ("EnvironmentFile", file)]
    assert units.hidden(command) == 'KEY="say \\"\\$5\\" \\\\ \\`x\\`"\n'
