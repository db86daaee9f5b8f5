"""The examples of docs/python-api.md are run, in their order (R81, R82)."""

import re
from pathlib import Path

import pytest

import puccini

PAGE = (Path(__file__).parents[2] / "docs" / "python-api.md").read_text()


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R81, R82: load, diagnostics, model, graph, sessions."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        if language == "yaml":
            file = Path(body.partition("\n")[0].removeprefix("# "))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(body.partition("\n")[2])
        else:
            exec(compile(body, "docs/python-api.md", "exec"), names)  # noqa: S102
    assert "session" in names


def test_every_public_name_is_on_the_page() -> None:
    """R81: and every one of them can be had."""
    table = PAGE.rpartition("| name | what it is |")[2]
    assert {name for name in puccini.__all__ if not re.search(rf"`{name}\b", table)} == set()
    assert all(getattr(puccini, name) is not None for name in puccini.__all__)
