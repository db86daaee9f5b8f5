"""What an operation remembers of itself, so that it can be repeated after a kill (R94)."""

from pathlib import Path

import msgspec
import pytest

from floria.plugins import requests
from floria.plugins.effects import Effect, Outcome, Status
from floria.plugins.effects.effects import boot
from khutulun.agent.effects import OperationJournal
from khutulun.agent.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "agent.sqlite")
    made.begin("op")
    return made


def look(id: str) -> Effect:
    return Effect(id, requests.ReadFile(path=f"/{id}"), False, boot=boot())


def change(id: str) -> Effect:
    return Effect(id, requests.RunCommand(argv=(id,)), True, boot=boot())


def done(result: object) -> Outcome:
    return Outcome(Status.DONE, result)


def test_r94_what_was_looked_at_before_a_change_is_answered_again(journal: Journal) -> None:
    """A driver that compared a file with what it was going to write must see the old file when it is called again."""
    first = OperationJournal(journal, "op")
    first.intent(look("a"))
    first.result("a", done("old"))
    first.intent(change("b"))
    first.intent(look("c"))
    first.result("c", done("led to nothing"))
    found = OperationJournal(journal, "op").prior()
    assert [(effect.id, effect.outcome) for effect in found] == [("a", done("old")), ("b", None)]


def test_a_look_without_a_change_costs_no_writing(journal: Journal) -> None:
    first = OperationJournal(journal, "op")
    first.intent(look("a"))
    first.result("a", done("x"))
    assert journal.effects("op") == []


def test_an_answer_that_held_a_secret_is_asked_for_again(journal: Journal) -> None:
    first = OperationJournal(journal, "op")
    first.intent(look("a"))
    first.result("a", done("password=<secret database>"))
    first.intent(change("b"))
    assert [effect.id for effect in OperationJournal(journal, "op").prior()] == ["b"]


def test_after_a_reboot_only_changes_count(journal: Journal) -> None:
    first = OperationJournal(journal, "op")
    first.intent(msgspec.structs.replace(look("a"), boot="another"))
    first.result("a", done("x"))
    first.intent(msgspec.structs.replace(change("b"), boot="another"))
    assert [effect.id for effect in OperationJournal(journal, "op").prior()] == ["b"]
