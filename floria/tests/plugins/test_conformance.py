"""R32, R33, R35: the probe passes every check of the conformance kit, as Wasm, as Python source and as executable."""

from pathlib import Path

import pytest

from floria.plugins import build, conformance
from floria.plugins.conformance import Bench, Check, __main__


@pytest.mark.parametrize("check", conformance.ALL, ids=lambda check: check.__name__)
def test_r33_probe_conforms(bench: Bench, check: Check) -> None:
    """R32, R33, R35"""
    check(bench)


def test_kit_knows_the_probe(bench: Bench) -> None:
    assert conformance.checks(bench.host, bench.plugin) == conformance.ALL


def test_command_line_checks_a_plugin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = build.executable(conformance.PROBE, tmp_path / "probe")
    assert __main__.main([str(program)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("probe 1.0.0 (executable): ")
    assert "FULL ACCESS: run as a program of its own" in printed
    assert printed.endswith("passed, 0 failed\n")


def test_command_line_refuses_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main([str(tmp_path / "missing.wasm")]) == 1
    assert capsys.readouterr().err.startswith("error: ")
