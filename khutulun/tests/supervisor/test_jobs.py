"""Jobs, once and by a schedule."""

import json
import time
from typing import Any

import pytest

from khutulun.supervisor import schedule

from .conftest import Supervisor


def test_start_of_a_job_returns_its_success(supervisor: Supervisor) -> None:
    events = supervisor.events()
    shown = supervisor.start("job", "true", kind="job")
    assert shown["state"] == "finished"
    assert shown["result"]["exit_code"] == 0
    assert [event["event"] for event in events.until(lambda event: event["event"] == "exited")] == ["started", "exited"]


def test_a_finished_job_does_not_run_again_unless_it_is_restarted(supervisor: Supervisor) -> None:
    first = supervisor.start("job", "true", kind="job")
    assert supervisor.start("job", "true", kind="job")["started"] == first["started"]
    supervisor.command("restart", "job")
    assert supervisor.show("job")["started"] > first["started"]


def test_start_of_a_job_returns_its_failure(supervisor: Supervisor) -> None:
    shown = supervisor.start("job", "sh", "-c", "exit 3", kind="job", status=1)
    assert shown["state"] == "failed"
    assert shown["result"]["exit_code"] == 3


def test_a_job_that_takes_too_long_is_ended(supervisor: Supervisor) -> None:
    shown = supervisor.start("job", "sleep", "infinity", kind="job", timeout=0.05, status=1)
    assert shown["reason"] == "not finished within 0.05 s"


def test_a_job_runs_again_at_its_interval(supervisor: Supervisor) -> None:
    events = supervisor.events()
    shown = supervisor.start("job", "true", kind="job", schedule={"interval": 0.05})
    assert shown["state"] in ("waiting", "starting")
    for _ in range(3):
        events.next("job", "exited")
    supervisor.stop("job")
    assert supervisor.show("job")["wanted"] is False


def test_a_job_waits_for_its_delay_and_then_runs_once(supervisor: Supervisor) -> None:
    events = supervisor.events()
    shown = supervisor.start("job", "true", kind="job", schedule={"delay": 0.05})
    assert shown["state"] == "waiting"
    assert shown["next_run"] > shown["started"]
    events.next("job", "exited")
    assert supervisor.show("job")["state"] == "finished"


def test_a_job_runs_at_its_calendar(supervisor: Supervisor) -> None:
    events = supervisor.events()
    supervisor.start("job", "true", kind="job", schedule={"calendar": "*:*:*"})
    events.next("job", "exited")
    events.next("job", "exited")


def test_a_missed_run_is_made_up_for(supervisor: Supervisor) -> None:
    spec: dict[str, Any] = {"kind": "job", "schedule": {"calendar": "monthly", "catch_up": True}}
    supervisor.start("job", "true", **spec)
    supervisor.end()
    supervisor.edit("job", last_run=1.0)
    supervisor.run()
    events = supervisor.events()
    if not any(event.get("detail", {}).get("exit_code") == 0 for event in events.caught_up):
        events.next("job", "exited")
    assert supervisor.show("job")["last_run"] > 1.0
    assert supervisor.show("job")["state"] == "waiting"


def test_a_waiting_job_goes_on_waiting_when_the_supervisor_restarts(supervisor: Supervisor) -> None:
    shown = supervisor.start("job", "true", kind="job", schedule={"delay": 3600})
    supervisor.end()
    supervisor.run()
    again = supervisor.show("job")
    assert again["state"] == "waiting"
    assert abs(again["next_run"] - shown["next_run"]) < 1


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("daily", "2026-02-28 12:00:00", "2026-03-01 00:00:00"),
        ("hourly", "2026-02-28 12:00:00", "2026-02-28 13:00:00"),
        ("*:0/15", "2026-02-28 12:07:00", "2026-02-28 12:15:00"),
        ("Mon..Fri 09:00", "2026-11-20 09:00:00", "2026-11-23 09:00:00"),
        ("sat,sun 10:30:05", "2026-11-20 00:00:00", "2026-11-21 10:30:05"),
        ("Fri..Mon *-*-* 08:00", "2026-11-23 09:00:00", "2026-11-27 08:00:00"),
        ("2030-02-29", "2026-01-01 00:00:00", None),
        ("*-02-29 06:00", "2026-01-01 00:00:00", "2028-02-29 06:00:00"),
        ("12-24 18:00", "2026-12-24 18:00:00", "2027-12-24 18:00:00"),
        ("*-*-1..7 00:00", "2026-11-07 00:00:00", "2026-12-01 00:00:00"),
        ("quarterly", "2026-11-07 00:00:00", "2027-01-01 00:00:00"),
        ("*:*:0/20", "2026-11-07 00:00:20", "2026-11-07 00:00:40"),
    ],
)
def test_calendar(expression: str, after: str, expected: str | None) -> None:
    found = schedule.Calendar(expression).next(time.mktime(time.strptime(after, "%Y-%m-%d %H:%M:%S")))
    assert expected == (found and time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found)))


@pytest.mark.parametrize(
    "expression", ["", "sometimes", "*-*~1", "25:00", "10:00 UTC", "Mon..Foo 10:00", "2026-13-01", "10", "*:0/0", "a:b"]
)
def test_a_calendar_that_is_not_supported_is_refused_by_name(supervisor: Supervisor, expression: str) -> None:
    with pytest.raises(ValueError, match=r"not supported|is not between"):
        schedule.Calendar(expression)
    spec = {"name": "job", "argv": ["true"], "kind": "job", "schedule": {"calendar": expression}}
    if expression:
        done = supervisor.command("start", "-", text=json.dumps(spec), status=1)
        assert repr(expression) in done.stderr
