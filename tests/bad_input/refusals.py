"""What every refusal looks like to who asked: an exit code, ``error:`` with a place, ``hint:``, and no insides."""

from collections.abc import Iterable

from testbed.machine import Completed

INSIDES = ("Traceback", 'File "', "site-packages", "<class '", "object at 0x")


def check(ended: Completed, *says: str, hint: str = "", status: int = 1) -> None:
    """Require a refusal that says all of `says` in its errors, and `hint` in its hints."""
    assert ended.status == status, ended
    for word in INSIDES:
        assert word not in ended.stdout + ended.stderr, ended
    errors, hints = _lines(ended, "error: "), _lines(ended, "hint: ")
    assert errors, ended
    assert hints, ended
    assert_said(says, errors, ended)
    assert_said([hint], hints, ended)


def assert_said(wanted: Iterable[str], lines: list[str], ended: Completed) -> None:
    """Require that each text is in one of the lines."""
    for text in wanted:
        assert any(text in line for line in lines), (text, ended)


def _lines(ended: Completed, start: str) -> list[str]:
    return [line for line in ended.stderr.splitlines() if line.startswith(start)]
