"""Plugins of all carriers, built once and compiled once: later runs find both in the cache."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from floria.plugins import Carrier, Plugin, PluginHost, build, conformance
from floria.plugins.conformance import Bench


@pytest.fixture(scope="session")
def host() -> Iterator[PluginHost]:
    with PluginHost(build.cache().parent / "compiled") as made:
        yield made


@pytest.fixture(scope="session")
def probes(host: PluginHost, tmp_path_factory: pytest.TempPathFactory) -> dict[Carrier, Plugin]:
    """The probe of the conformance kit, by each carrier."""
    program = build.executable(conformance.PROBE, tmp_path_factory.mktemp("probe") / "probe")
    return {
        Carrier.WASM: host.load(build.component(conformance.PROBE), Carrier.WASM, name="probe"),
        Carrier.PYTHON: host.load(conformance.PROBE / "plugin.py", Carrier.PYTHON, name="probe"),
        Carrier.EXECUTABLE: host.load(program, Carrier.EXECUTABLE, name="probe"),
    }


@pytest.fixture(params=list(Carrier), ids=str)
def carrier(request: pytest.FixtureRequest) -> Carrier:
    found: Carrier = request.param
    return found


@pytest.fixture
def bench(host: PluginHost, probes: dict[Carrier, Plugin], carrier: Carrier, tmp_path: Path) -> Bench:
    """The probe by each carrier in turn."""
    return Bench(host, probes[carrier], tmp_path)


@pytest.fixture
def wasm(host: PluginHost, probes: dict[Carrier, Plugin], tmp_path: Path) -> Bench:
    """The probe as a component."""
    return Bench(host, probes[Carrier.WASM], tmp_path)
