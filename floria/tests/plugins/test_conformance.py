"""R32, R33, R35: the probe passes every check of the conformance kit, as Wasm, as Python source and as executable."""

import pytest

from floria.plugins import Carrier, Plugin, conformance
from floria.plugins.conformance import Bench, Check, __main__


@pytest.mark.parametrize("check", conformance.ALL, ids=lambda check: check.__name__)
def test_r33_probe_conforms(bench: Bench, check: Check) -> None:
    """R32, R33, R35"""
    check(bench)


def test_kit_knows_the_probe(bench: Bench) -> None:
    assert conformance.checks(bench.host, bench.plugin) == conformance.ALL


def test_command_line_checks_a_plugin(
    probes: dict[Carrier, Plugin], tmp_path: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    blob = conformance.PROBE.parent / "missing.wasm"
    assert __main__.main([str(blob)]) == 1
    assert "error: " in capsys.readouterr().err
