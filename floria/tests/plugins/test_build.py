"""R30, R100: plugins are built from source by one command, and again only when something changed."""

from pathlib import Path

import pytest

from floria.plugins import build, conformance


def test_r30_building_again_costs_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    first = build.component(conformance.PROBE, progress=told.append)
    assert build.component(conformance.PROBE, tmp_path / "out.wasm", told.append) == tmp_path / "out.wasm"
    assert (tmp_path / "out.wasm").read_bytes() == first.read_bytes()
    assert first.parent == build.cache()
    assert len(told) <= 1


def test_tests_do_not_count_and_sources_do(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text("a = 1")
    (tmp_path / "helper.py").write_text("b = 1")
    first = build.sources(tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "x.py").write_text("")
    (tmp_path / "test_plugin.py").write_text("")
    assert build.sources(tmp_path) == first
    assert set(first) == {"plugin.py", "helper.py"}


def test_a_folder_without_plugin_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path} has no plugin.py\n"


def test_a_broken_plugin_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plugin.py").write_text("import nothing_of_this_name\n")
    assert build.main([str(tmp_path), "-o", str(tmp_path / "x.wasm")]) == 1
    assert "nothing_of_this_name" in capsys.readouterr().err
    assert not (tmp_path / "x.wasm").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["a", "b", "-o", "x"], ["a", "--executable"], ["--runner", "--executable", "-o", "x"]]
)
def test_command_line_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build.main(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
