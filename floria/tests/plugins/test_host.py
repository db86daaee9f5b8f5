"""R30, R34: the host: its cache, its memory, instances made ahead, many threads, and what a load costs."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from floria.tests.plugins import components

from floria.plugins import Budget, Carrier, Effects, Fault, MemoryJournal, Plugin, PluginHost, build, cache, conformance
from floria.plugins.conformance import Bench


def count(host: PluginHost, plugin: Plugin) -> object:
    return host.dispatch(plugin, "count", {}, [], effects=Effects(MemoryJournal()))


def nop(host: PluginHost, plugin: Plugin) -> object:
    return host.dispatch(plugin, "x", {}, [], effects=Effects(MemoryJournal()))


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def own(tmp_path: Path, told: list[str]) -> PluginHost:
    return PluginHost(tmp_path / "cache", progress=told.append)


def compiled(folder: Path) -> Path:
    (found,) = folder.glob("*.compiled")
    return found


def test_a_component_is_compiled_once_with_progress(own: PluginHost, told: list[str], tmp_path: Path) -> None:
    blob = components.component()
    plugin = own.load(blob, Carrier.WASM, name="small")
    assert told[0] == "compiling plugin small for this machine (once)"
    assert told[1].startswith("compiled plugin small in ")
    assert nop(own, plugin) is None
    again = PluginHost(tmp_path / "cache", progress=told.append)
    assert nop(again, again.load(blob, Carrier.WASM)) is None
    assert len(told) == 2
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    assert compiled(tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_a_known_digest_needs_no_blob(own: PluginHost, told: list[str]) -> None:
    digest = own.load(components.component(), Carrier.WASM).digest

    def never() -> object:
        raise AssertionError("the blob was opened")

    assert nop(own, own.load(never, Carrier.WASM, digest=digest)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(file.read_bytes()[:1000]),
        lambda file: file.write_bytes(file.read_bytes()[:-1] + b"!"),
        lambda file: file.write_bytes(b""),
        lambda file: file.unlink(),
        lambda file: file.chmod(0o666),
        lambda file: file.with_name(file.name + ".json").write_text("{"),
    ],
    ids=["truncated", "changed", "empty", "missing", "writable", "without record"],
)
def test_r35_a_damaged_cache_is_made_again(
    own: PluginHost, told: list[str], tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    """R35"""
    blob = components.component()
    own.load(blob, Carrier.WASM)
    damage(compiled(tmp_path / "cache"))
    again = PluginHost(tmp_path / "cache", progress=told.append)
    assert nop(again, again.load(blob, Carrier.WASM)) is None
    assert len(told) == 4


def test_r35_a_link_in_the_cache_is_not_followed(own: PluginHost, told: list[str], tmp_path: Path) -> None:
    blob = components.component()
    own.load(blob, Carrier.WASM)
    file = compiled(tmp_path / "cache")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    again = PluginHost(tmp_path / "cache", progress=told.append)
    again.load(blob, Carrier.WASM)
    assert not file.is_symlink()


@pytest.mark.parametrize("make", [lambda folder: folder.mkdir(mode=0o755), lambda folder: folder.symlink_to("/tmp")])
def test_r35_an_unsafe_cache_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "cache")
    with pytest.raises(Fault, match="unsafe-cache"):
        PluginHost(tmp_path / "cache")


def test_what_was_not_used_for_long_is_dropped(own: PluginHost, tmp_path: Path) -> None:
    own.load(components.component(), Carrier.WASM)
    old = compiled(tmp_path / "cache")
    os.utime(old, (1, old.stat().st_mtime))
    own.load(components.component(result="1"), Carrier.WASM)
    assert not old.exists()
    assert compiled(tmp_path / "cache").exists()


def test_what_is_too_much_is_dropped_from_the_one_that_rested_longest(
    own: PluginHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    own.load(components.component(), Carrier.WASM)
    monkeypatch.setattr(cache, "MOST_BYTES", 2 * compiled(folder).stat().st_size + 4096)
    names = []
    for at, result in enumerate(("1", "2", "3")):
        for file in folder.glob("*.compiled"):
            if file.name not in names:
                names.append(file.name)
                os.utime(file, (time.time() - 1000 + at, file.stat().st_mtime))
        own.load(components.component(result=result), Carrier.WASM)
    assert not (folder / names[0]).exists()
    assert not (folder / f"{names[0]}.json").exists()
    assert [(folder / name).exists() for name in names[1:]] == [True, True]


def test_a_discarded_plugin_leaves_nothing(own: PluginHost, tmp_path: Path) -> None:
    plugin = own.load(components.component(), Carrier.WASM)
    own.describe(plugin)
    assert nop(own, plugin) is None
    own.discard(plugin)
    assert list((tmp_path / "cache").iterdir()) == []
    assert nop(own, plugin) is None


def test_missing_blobs_are_faults(own: PluginHost, tmp_path: Path) -> None:
    for carrier in Carrier:
        with pytest.raises(Fault, match="not-found"):
            own.load(tmp_path / "missing", carrier)


def test_a_manifest_is_asked_for_once(own: PluginHost, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    manifest = components.MANIFEST
    program = f"#!/bin/sh\nread call; echo x >>{asked}; echo '{{\"result\":{manifest}}}'\n".encode()
    for host in (own, own, PluginHost(tmp_path / "cache")):
        assert host.describe(host.load(program, Carrier.EXECUTABLE)).name == "hostile"
    assert asked.read_text() == "x\n"


@pytest.mark.parametrize("kind", [Carrier.WASM, Carrier.PYTHON], ids=str)
def test_instances_made_ahead_serve_one_call_each(
    host: PluginHost, probes: dict[Carrier, Plugin], kind: Carrier
) -> None:
    plugin = probes[kind]
    host.keep(plugin, 2)
    try:
        assert len(plugin.ahead) == 2
        assert [count(host, plugin) for _ in range(6)] == [1] * 6
        host.trim()
        assert count(host, plugin) == 1
        with pytest.raises(Fault, match="crashed"):
            host.dispatch(plugin, "die", {}, [], effects=Effects(MemoryJournal()))
        budget = Budget(memory=96 << 20)
        with pytest.raises(Fault, match=r"MemoryError|crashed"):
            host.dispatch(plugin, "memory", {}, [], effects=Effects(MemoryJournal()), budget=budget)
    finally:
        host.keep(plugin, 0)
    assert len(plugin.ahead) == 0
    assert count(host, plugin) == 1


def test_many_threads_call_at_once(host: PluginHost, probes: dict[Carrier, Plugin], tmp_path: Path) -> None:
    """Calls of several plugins, some of them failing, do not disturb each other."""
    kinds = [Carrier.WASM, Carrier.PYTHON]

    def work(number: int) -> object:
        bench = Bench(host, probes[kinds[number % 2]], tmp_path)
        if number % 5 == 0:
            return bench.fault("crashed", "die").code
        return bench.call("echo", number)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(80)))
    assert found == ["crashed" if number % 5 == 0 else number for number in range(80)]


def test_trimming_during_a_call_does_nothing(wasm: Bench) -> None:
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(wasm.call("sleep", 0.3)))
    thread.start()
    while thread.is_alive():
        wasm.host.trim()
        thread.join(0.02)
    assert isinstance(results[0], float)


REST = """
import sys, threading, time
from pathlib import Path
from floria.plugins import Carrier, Effects, MemoryJournal, PluginHost

def ticks():
    return sum(int(line.split()[1]) for task in Path("/proc/self/task").iterdir()
        for line in (task / "status").read_text().splitlines() if line.startswith("voluntary_ctxt_switches"))

cleaned = threading.Event()
host = PluginHost(Path(sys.argv[1]), idle=0.05)
plugin = host.load(Path(sys.argv[2]), Carrier.WASM)
for _ in range(3):
    host.dispatch(plugin, "echo", {}, [1], effects=Effects(MemoryJournal()))
components = host._components
while components._loaded:
    time.sleep(0.05)
for _ in range(30):
    before = ticks()
    time.sleep(1)  # what is measured
    switches = ticks() - before
    if switches <= 2:  # of the measuring thread itself
        break
rss = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmRSS"))
print(switches, rss)
host.close()
"""


def test_r60_a_host_at_rest_does_nothing_and_is_small(host: PluginHost, probes: dict[Carrier, Plugin]) -> None:
    """R60: after its last call the host drops the code and no thread wakes up; far below 60 MB with a loaded plugin."""
    blob = build.component(conformance.PROBE)
    cache = build.cache().parent / "compiled"
    done = subprocess.run([sys.executable, "-c", REST, cache, blob], capture_output=True, text=True, check=True)
    switches, kilobytes = map(int, done.stdout.split())
    assert switches <= 2
    assert kilobytes < 45_000


def test_the_runtime_is_not_imported_before_it_is_needed() -> None:
    code = "import sys; from floria import plugins; print('wasmtime' in sys.modules, 'http.client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_r34_a_plugin_is_replaced_without_restart(own: PluginHost) -> None:
    """R34: two versions side by side in one host."""
    old = own.load(components.component(result='"old"'), Carrier.WASM)
    new = own.load(components.component(result='"new"'), Carrier.WASM)
    assert [nop(own, old), nop(own, new), nop(own, old)] == ["old", "new", "old"]


def test_arguments_must_be_json(wasm: Bench) -> None:
    wasm.fault("invalid-arguments", "echo", object())


def test_python_sources_need_no_build(own: PluginHost, host: PluginHost) -> None:
    """R33"""
    source = b"from floria_plugin import Plugin\nplugin = Plugin('p', '1')\nplugin.add('x', lambda context: 42)\n"
    assert nop(host, host.load(source, Carrier.PYTHON)) == 42


def test_cache_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(tmp_path / "cache", 65534, 65534)
        with pytest.raises(Fault, match="unsafe-cache"):
            PluginHost(tmp_path / "cache")
    else:
        PluginHost(tmp_path / "cache")
