"""R53, R94: effects are journaled, planned, printed as a script that works, and replayed without being done twice."""

import base64
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.parse
from pathlib import Path

import msgspec
import pytest

from floria.plugins import Effect, Effects, Fault, MemoryJournal, Mode, Outcome, Status, grants, requests, script
from floria.plugins import effects as effects_module
from floria.plugins.conformance import Bench
from floria.plugins.effects import Limits
from floria.plugins.effects import effects as performing
from floria.plugins.grants import Permit

CHANGE = Permit(change=True)
QUERY = Permit(change=False)


def limits(seconds: float = 200, output: int = 1 << 20) -> Limits:
    return Limits(time.monotonic() + seconds, output)


def sh(text: str, stdin: str | None = None) -> requests.RunCommand:
    return requests.RunCommand(("sh", "-c", text), stdin=stdin)


def in_doubt(effect: Effect) -> Effect:
    return msgspec.structs.replace(effect, outcome=None)


def test_effects_are_journaled_with_time_actor_and_outcome() -> None:
    journal = MemoryJournal()
    effects = Effects(journal, clock=lambda: 42)
    effects.perform(sh("echo hi"), CHANGE, limits(), "probe.run")
    with pytest.raises(Fault):
        effects.perform(requests.RunCommand(("no-such-program",)), QUERY, limits(), "probe.run")
    done, failed = journal.effects
    assert (done.change, done.time, done.actor, done.request) == (True, 42, "probe.run", sh("echo hi"))
    assert done.outcome is not None
    assert done.outcome.status is Status.DONE
    assert done.outcome.result == {"status": 0, "stdout": "hi\n", "stderr": "", "recorded": False}
    assert failed.outcome is not None
    assert failed.outcome.fault is not None
    assert failed.outcome.fault.code == "missing-program"


def test_effects_cross_json_unchanged() -> None:
    journal = MemoryJournal()
    effects = Effects(journal)
    effects.perform(sh("true", "in"), CHANGE, limits())
    for effect in journal:
        assert effects_module.decode(msgspec.json.decode(msgspec.json.encode(effects_module.encode(effect)))) == effect


@pytest.mark.parametrize("spooled", [False, True])
class TestCommands:
    @pytest.fixture
    def effects(self, spooled: bool, tmp_path: Path) -> Effects:
        return Effects(MemoryJournal(), spool=tmp_path / "spool" if spooled else None)

    def test_status_output_and_input(self, effects: Effects) -> None:
        found = effects.perform(sh("cat; echo oops >&2; exit 5", "x" * 300_000), CHANGE, limits())
        assert found == requests.Output(5, "x" * 300_000, "oops\n")

    def test_a_killed_program_has_the_status_of_its_signal(self, effects: Effects) -> None:
        found = effects.perform(sh("kill -9 $$"), CHANGE, limits())
        assert isinstance(found, requests.Output)
        assert found.status == 137

    def test_too_long(self, effects: Effects) -> None:
        with pytest.raises(Fault, match="timeout"):
            effects.perform(sh("sleep 60"), CHANGE, limits(0.3))

    def test_too_much(self, effects: Effects) -> None:
        with pytest.raises(Fault, match="output-limit"):
            effects.perform(sh("cat /dev/zero"), CHANGE, limits(output=100_000))

    def test_left_behind_children_do_not_hold_the_call(self, effects: Effects) -> None:
        found = effects.perform(sh("sleep 1000 & echo $!"), CHANGE, limits())
        assert isinstance(found, requests.Output)
        os.kill(int(found.stdout), signal.SIGKILL)

    def test_environment_is_clean(self, effects: Effects, monkeypatch: pytest.MonkeyPatch) -> None:
        """R32"""
        monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
        found = effects.perform(sh("env | cut -d= -f1 | sort"), CHANGE, limits())
        assert isinstance(found, requests.Output)
        own = {"HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"}
        assert set(found.stdout.split()) <= {"PATH", "LC_ALL", "PWD", "OLDPWD", "_", "SHLVL"} | own

    def test_nothing_stays_in_the_spool(self, effects: Effects, tmp_path: Path) -> None:
        effects.perform(sh("true"), CHANGE, limits())
        assert list((tmp_path / "spool").glob("*")) == []


def test_secrets_in_requests_and_results_are_redacted() -> None:
    journal = MemoryJournal()
    lines: list[tuple[str, str]] = []
    effects = Effects(journal, secrets=lambda name: "hunter2", log=lambda *line: lines.append(line))
    assert effects.perform(requests.GetSecret("pw"), QUERY, limits()) == "hunter2"
    found = effects.perform(sh("cat; exit 1", "my hunter2"), CHANGE, limits())
    assert found == requests.Output(1, "my hunter2")
    effects.log("info", "it is hunter2")
    assert "hunter2" not in repr(journal.effects) + repr(lines)
    assert "my <secret pw>" in script(journal)


@pytest.mark.parametrize("mode", Mode)
def test_r105_a_secret_is_no_argument_of_a_command(mode: Mode) -> None:
    journal = MemoryJournal()
    effects = Effects(journal, mode=mode)
    effects.conceal("pw", "hunter2")
    with pytest.raises(Fault) as caught:
        effects.perform(sh("echo hunter2"), CHANGE, limits())
    assert caught.value.code == "exposed-secret"
    call = requests.CallDBus("system", "a.b", "/", "a.b", "Set", "s", ("x=hunter2",))
    with pytest.raises(Fault, match=r"arguments of a\.b\.Set"):
        effects.perform(call, CHANGE, limits())
    assert journal.effects == ()


def test_r105_a_file_that_holds_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    journal = MemoryJournal()
    effects = Effects(journal)
    effects.conceal("pw", "hunter2")
    permit = Permit(change=True, root=str(tmp_path))
    effects.perform(requests.WriteFile(f"{tmp_path}/secret", "it is hunter2", 0o644), permit, limits())
    effects.perform(requests.WriteFile(f"{tmp_path}/open", "it is not", 0o644), permit, limits())
    assert (tmp_path / "secret").read_text() == "it is hunter2"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o644
    assert "it is <secret pw>" in script(journal)


def test_r105_secrets_are_found_in_other_forms() -> None:
    value = "first line of the key\nthe second one: a/b"
    effects = Effects(MemoryJournal())
    effects.conceal("key", value)
    forms = [
        value,
        json.dumps({"key": value}),
        f"https://host/?key={urllib.parse.quote_plus(value)}",
        base64.b64encode(value.encode()).decode(),
        "Environment=the second one: a/b",
    ]
    for form in forms:
        shown = effects.redacted({"a": [form]})
        assert "<secret key>" in str(shown)
        assert "second" not in str(shown)


def test_plan_records_changes_and_runs_queries(tmp_path: Path) -> None:
    """R53"""
    journal = MemoryJournal()
    effects = Effects(journal, mode=Mode.PLAN)
    files = Permit(change=True, root=str(tmp_path))
    assert effects.perform(sh(f"touch {tmp_path}/x"), CHANGE, limits()) == requests.Output(0, recorded=True)
    assert effects.perform(sh("echo hi"), QUERY, limits()) == requests.Output(0, "hi\n")
    path = f"{tmp_path}/unit"
    assert effects.perform(requests.WriteFile(path, "text"), files, limits()) is True
    assert effects.perform(requests.WriteFile(path, "text"), files, limits()) is False
    assert effects.perform(requests.ReadFile(path), Permit(False, str(tmp_path)), limits()) == "text"
    assert effects.perform(requests.KindOf(path), Permit(False, str(tmp_path)), limits()) == "file"
    assert effects.perform(requests.Remove(path), files, limits()) is True
    assert effects.perform(requests.KindOf(path), Permit(False, str(tmp_path)), limits()) == "none"
    assert list(tmp_path.iterdir()) == []
    assert [e.request.kind for e in journal] == ["command.run", "files.write", "files.remove"]
    assert all(e.outcome is not None and e.outcome.status is Status.RECORDED for e in journal)


def test_plan_of_what_is_already_so_is_empty(tmp_path: Path) -> None:
    """R53: an exact plan does not name files that are as they should be."""
    (tmp_path / "same").write_text("text")
    (tmp_path / "same").chmod(0o644)
    journal = MemoryJournal()
    effects = Effects(journal, mode=Mode.PLAN)
    permit = Permit(change=True, root=str(tmp_path))
    assert effects.perform(requests.WriteFile(f"{tmp_path}/same", "text"), permit, limits()) is False
    assert effects.perform(requests.MakeFolder(str(tmp_path)), permit, limits()) is False
    assert effects.perform(requests.Remove(f"{tmp_path}/other"), permit, limits()) is False
    assert journal.effects == ()


def test_script_does_the_same_by_hand(tmp_path: Path) -> None:
    """R53: the script of the journal, run by a shell elsewhere, makes the same files."""
    tricky = 'it\'s $HOME `x` \\ "q"\nEND\nmore\n'
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    journal = MemoryJournal()
    effects = Effects(journal)
    permit = Permit(change=True, root=str(there))
    effects.perform(requests.MakeFolder(f"{there}/sub", 0o750), permit, limits())
    effects.perform(requests.WriteFile(f"{there}/sub/a b", tricky, 0o600), permit, limits())
    effects.perform(requests.WriteFile(f"{there}/sub/no end", "without newline", 0o755), permit, limits())
    effects.perform(requests.WriteFile(f"{there}/empty", ""), permit, limits())
    run = requests.RunCommand(("sh", "-c", 'cat >"$F"'), {"F": "from input"}, tricky, str(there))
    effects.perform(run, CHANGE, limits())
    effects.perform(requests.WriteFile(f"{there}/gone", "x"), permit, limits())
    effects.perform(requests.Remove(f"{there}/gone"), permit, limits())
    with pytest.raises(Fault):
        effects.perform(requests.RunCommand(("no-such-program",)), CHANGE, limits())
    text = script(journal).replace(str(there), str(here))
    assert "# no-such-program" in text
    here.mkdir()
    subprocess.run(["sh"], input=text.encode(), check=True)
    assert _tree(here) == _tree(there)


def test_script_of_all_kinds_is_shell(tmp_path: Path) -> None:
    kinds: list[requests.Request] = [
        requests.CallDBus(
            "system", "org.example", "/org/example", "org.example.X", "Set", "sv", ("a", {"type": "s", "data": "b c"})
        ),
        requests.SendHttp("POST", "http+unix://%2Frun%2Fx.sock/v1/y?z=1", (("A", "b"),), "body"),
        requests.RunCommand(("true",), user="nobody"),
        requests.EmitEvent("one", "failed"),
    ]
    text = script(Effect("x", request, True) for request in kinds)
    assert "busctl --json=short --system call -- org.example /org/example org.example.X Set sv a s 'b c'" in text
    assert "curl -sS -X POST --unix-socket /run/x.sock -H 'A: b' --data-binary body 'http://localhost/v1/y?z=1'" in text
    assert "runuser -u nobody -- true" in text
    subprocess.run(["sh", "-n"], input=text.encode(), check=True)


def test_r94_replay_takes_what_was_done_and_does_the_rest(tmp_path: Path) -> None:
    count = tmp_path / "count"
    first, second = sh(f"echo first >>{count}; echo one"), sh(f"echo second >>{count}")
    journal = MemoryJournal()
    effects = Effects(journal, spool=tmp_path / "spool")
    effects.perform(first, CHANGE, limits())
    again = MemoryJournal()
    effects = Effects(again, spool=tmp_path / "spool", prior=journal.effects)
    assert effects.perform(first, CHANGE, limits()) == requests.Output(0, "one\n")
    effects.perform(second, CHANGE, limits())
    effects.perform(first, CHANGE, limits())
    assert count.read_text().split() == ["first", "second", "first"]
    assert [effect.request for effect in again] == [second, first]


def test_r94_replay_repeats_faults() -> None:
    prior = Effect("x", sh("a"), True, outcome=Outcome(Status.FAILED, fault=Fault("no", "not").data))
    with pytest.raises(Fault, match="no: not"):
        Effects(MemoryJournal(), prior=[prior]).perform(sh("a"), CHANGE, limits())


def test_r94_effects_in_doubt(tmp_path: Path) -> None:
    """R94: a command that never began is run; one that began without a trace of its end is not; files are written."""
    boot = performing.boot()
    spool = tmp_path / "spool"
    file = requests.WriteFile(f"{tmp_path}/file", "x")
    prior = [Effect("never", sh("echo ran"), True, boot=boot), Effect("rebooted", sh("reboot"), True, boot="earlier")]
    prior += [Effect("begun", sh("begun"), True, boot=boot), Effect("file", file, True, boot=boot)]
    prior += [Effect("post", requests.SendHttp("POST", "http://127.0.0.1:1/"), True, boot=boot)]
    spool.mkdir()
    for name, content in (("record", "started 99999999\n"), ("out", ""), ("err", "")):
        (spool / f"begun.{name}").write_text(content)
    journal = MemoryJournal()
    for effect in prior:
        journal.intent(effect)
    effects = Effects(journal, spool=spool, prior=prior)
    assert effects.perform(sh("echo ran"), CHANGE, limits()) == requests.Output(0, "ran\n")
    for request in (sh("reboot"), sh("begun"), prior[-1].request):
        with pytest.raises(Fault, match="interrupted"):
            effects.perform(request, CHANGE, limits())
    assert effects.perform(file, Permit(True, str(tmp_path)), limits()) is True
    assert [effect.id for effect in journal] == [effect.id for effect in prior]


HOST = """
import sys, time
from pathlib import Path
import msgspec
from floria.plugins import Effects, requests
from floria.plugins.conformance import Bench
from floria.plugins.effects import Limits, encode
from floria.plugins.grants import Permit

folder = Path(sys.argv[1])

class Journal:
    def intent(self, effect):
        (folder / "journal.new").write_bytes(msgspec.json.encode(encode(effect)))
        (folder / "journal.new").rename(folder / "journal")
    def result(self, effect, outcome):
        raise SystemExit("the host should be dead by now")

command = requests.RunCommand(("sh", "-c", sys.argv[2]), stdin="given")
Effects(Journal(), spool=folder / "spool").perform(command, Permit(change=True), Limits(time.monotonic() + 200, 10000))
"""


@pytest.mark.parametrize("wait_for_end", [False, True], ids=["while it runs", "after it ended"])
def test_r94_kill_of_the_host_loses_no_result_and_runs_nothing_twice(tmp_path: Path, wait_for_end: bool) -> None:
    """R94: ``kill -9`` while a command runs; the next host waits for it and takes its result."""
    os.mkfifo(tmp_path / "began")
    os.mkfifo(tmp_path / "go_on")
    text = f"cd {tmp_path}; echo run >>count; echo x >began; read word <go_on; cat; echo out; echo err >&2; exit 3"
    host = subprocess.Popen([sys.executable, "-c", textwrap.dedent(HOST), str(tmp_path), text])
    (tmp_path / "began").read_text()
    os.kill(host.pid, signal.SIGKILL)
    host.wait()
    effect = effects_module.decode(msgspec.json.decode((tmp_path / "journal").read_bytes()))
    go_on = subprocess.Popen(["sh", "-c", "sleep 0.3; echo x >go_on"], cwd=tmp_path)
    if wait_for_end:
        go_on.wait()
    journal = MemoryJournal()
    journal.intent(effect)
    effects = Effects(journal, spool=tmp_path / "spool", prior=[effect])
    command = requests.RunCommand(("sh", "-c", text), stdin="given")
    assert effects.perform(command, CHANGE, limits()) == requests.Output(3, "givenout\n", "err\n")
    go_on.wait()
    assert (tmp_path / "count").read_text() == "run\n"
    assert list((tmp_path / "spool").iterdir()) == []
    assert len(journal.effects) == 1


def test_r94_an_awaited_command_that_never_ends_is_killed_in_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "began")
    text = f"cd {tmp_path}; echo x >began; exec sleep 60"
    host = subprocess.Popen([sys.executable, "-c", textwrap.dedent(HOST), str(tmp_path), text])
    (tmp_path / "began").read_text()
    os.kill(host.pid, signal.SIGKILL)
    host.wait()
    effect = effects_module.decode(msgspec.json.decode((tmp_path / "journal").read_bytes()))
    command = requests.RunCommand(("sh", "-c", text), stdin="given")
    journal = MemoryJournal()
    journal.intent(effect)
    with pytest.raises(Fault, match="timeout"):
        Effects(journal, spool=tmp_path / "spool", prior=[effect]).perform(command, CHANGE, limits(0.5))


def test_r94_a_call_is_replayed_as_a_whole(wasm: Bench, tmp_path: Path) -> None:
    """R94: dispatched again with the journal of an interrupted call, a plugin finishes it."""
    allowed = grants.parse({"commands": [{"program": "sh", "arguments": ["-c", "..."]}]})
    argv = ["sh", "-c", f"echo x >>{tmp_path}/count"]

    def call(*prior: Effect) -> MemoryJournal:
        journal = MemoryJournal()
        effects = Effects(journal, spool=tmp_path / "spool", prior=prior)
        wasm.host.dispatch(wasm.plugin, "run", {}, [argv], grants=allowed, effects=effects)
        return journal

    done = call()
    assert call(*done).effects == ()
    assert (tmp_path / "count").read_text() == "x\n"


def _tree(folder: Path) -> dict[str, tuple[int, str]]:
    found = {}
    for file in sorted(folder.rglob("*")):
        text = file.read_text() if file.is_file() else ""
        found[str(file.relative_to(folder))] = (file.stat().st_mode, text)
    return found


def test_r53_the_calls_of_a_plan_see_what_those_before_would_have_written(tmp_path: Path) -> None:
    planned, permit, path = effects_module.PlannedFiles(), Permit(change=True, root=str(tmp_path)), f"{tmp_path}/unit"
    first = Effects(MemoryJournal(), mode=Mode.PLAN, planned=planned)
    first.perform(requests.WriteFile(path, "text"), permit, limits())
    journal = MemoryJournal()
    second = Effects(journal, mode=Mode.PLAN, planned=planned)
    assert second.perform(requests.KindOf(path), permit, limits()) == "file"
    assert second.perform(requests.ReadFile(path), permit, limits()) == "text"
    assert second.perform(requests.WriteFile(path, "text"), permit, limits()) is False
    assert journal.effects == ()
    alone, look = Effects(MemoryJournal(), mode=Mode.PLAN), Permit(change=False, root=str(tmp_path))
    assert alone.perform(requests.KindOf(path), look, limits()) == "none"
