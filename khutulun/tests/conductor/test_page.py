"""docs/workflows.md is followed on a whole server with the built-in drivers (R44, R101)."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from khutulun import paths, server, shipped
from khutulun.cli import application
from khutulun.testing import serving

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/workflows.md").read_text()
EXAMPLE = (ROOT / "examples/workflow/service.yaml").read_text()


@pytest.fixture
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server with everything that comes with it, for the commands of this process."""
    place = tmp_path / "khutulun.sock"
    monkeypatch.setenv("KHUTULUN_SOCKET", str(place))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(ROOT)
    where = paths.paths(paths.Scope.USER, tmp_path / "state")
    with (
        server.assembled(where, host="here", built_in=shipped.plugins()) as running,
        serving.served(running.conductor, place),
    ):
        yield place


def typed(tmp_path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the arguments of each command of the page, and the lines that are seen; files are in the test's folder."""
    (block,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for command in block.split("$ ")[1:]:
        line, *seen = command.splitlines()
        words = shlex.split(line.replace("/tmp/", f"{tmp_path}/"))[1:]
        if words[:2] == ["service", "deploy"]:
            words += ["--input", f"folder={tmp_path}/shop"]
        yield words, [one for one in seen if one != "…"]


def test_r44_the_page_about_workflows_is_true(socket: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words, seen in typed(tmp_path):
        capfd.readouterr()
        code = application.run(words)
        out, err = capfd.readouterr()
        assert code == 0, (words, out, err)
        assert out.splitlines()[-len(seen) :] == seen or not seen, (words, out, err)
        assert not (tmp_path / "shop/closed").exists()
    assert (tmp_path / "khutulun-orders").read_text() == "apples\npears\nplums\n"
    assert not (tmp_path / "shop").exists()


def test_the_page_shows_the_example() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert textwrap.indent(shown, "  ") in EXAMPLE
