"""R32, R35: whatever a plugin is or does, it ends in a clear fault, and the host process lives."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from floria.tests.plugins import components

from floria.plugins import (
    Budget,
    Carrier,
    Effects,
    Fault,
    MemoryJournal,
    Plugin,
    PluginHost,
    carriers,
    expressions,
    grants,
)
from floria.plugins.conformance import Bench

SMALL = Budget(cpu=0.5, wall=200, memory=32 << 20, tables=1000)


@pytest.fixture
def load(host: PluginHost) -> Callable[[bytes], Plugin]:
    return lambda blob: host.load(blob, Carrier.WASM, name="hostile")


def call(host: PluginHost, plugin: Plugin, budget: Budget = SMALL) -> object:
    allowed = grants.parse({"commands": [{"program": "true"}]})
    return host.dispatch(plugin, "x", {}, [], grants=allowed, effects=Effects(MemoryJournal()), budget=budget)


def fault(host: PluginHost, plugin: Plugin) -> Fault:
    with pytest.raises(Fault) as raised:
        call(host, plugin)
    return raised.value


def test_hand_written_component_works(host: PluginHost, load: Callable[[bytes], Plugin]) -> None:
    plugin = load(components.component(result='{"a":1}'))
    assert host.describe(plugin).name == "hostile"
    assert call(host, plugin) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (components.LOOP, {"cpu-limit", "timeout"}),
        (components.TRAP, {"crashed"}),
        (components.MEMORY_BOMB, {"crashed"}),
        (components.TABLE_BOMB, {"crashed"}),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", {"crashed"}),
        ("(drop (i32.load (i32.const -4)))", {"crashed"}),
        ("(call_indirect (i32.const 0))", {"crashed"}),
    ],
    ids=["loop", "trap", "memory bomb", "table bomb", "division", "out of bounds", "null call"],
)
@pytest.mark.parametrize("place", ["dispatch", "describe", "start"])
def test_r35_hostile_code_ends_in_a_fault(
    host: PluginHost, load: Callable[[bytes], Plugin], body: str, codes: set[str], place: str
) -> None:
    """R35: in a call, while describing itself, and while the instance is made."""
    if place == "start":
        plugin = load(components.component(start=f"(func $begin {body}) (start $begin)"))
    else:
        plugin = load(components.component(**{place: body}))
    if place == "describe":
        with pytest.raises(Fault) as raised:
            host.describe(plugin)
        found = raised.value
    else:
        found = fault(host, plugin)
    assert found.code in codes, found
    assert call(host, load(components.component())) is None


def test_r35_deep_recursion_of_raw_code(host: PluginHost, load: Callable[[bytes], Plugin]) -> None:
    assert "stack" in fault(host, load(components.recursing())).message


def test_r35_amplified_texts_do_not_fill_the_host(host: PluginHost, load: Callable[[bytes], Plugin]) -> None:
    """R35: 180 KB of guest memory that stand for 900 MB are refused by the runtime before they are copied."""
    before = _resident()
    assert fault(host, load(components.amplifying())).code in {"crashed", "invalid-component"}
    assert _resident() - before < 300 << 20


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", "not a WebAssembly component"),
        (b"(component)", "not a WebAssembly component"),
        (b"\0asm\x01\0\0\0", "not a WebAssembly component"),
        (components.component()[:200], "does not compile"),
        (components.component() + b"junk", "does not compile"),
        (b"\0asm\x0d\0\x01\0" + os.urandom(500), "does not compile"),
    ],
    ids=["empty", "text", "core module", "truncated", "trailing junk", "random"],
)
def test_r35_malformed_blobs(host: PluginHost, blob: bytes, message: str) -> None:
    with pytest.raises(Fault, match=message) as raised:
        host.load(blob, Carrier.WASM, name="malformed")
    assert raised.value.code == "invalid-component"


def test_r35_component_without_the_contract(host: PluginHost, load: Callable[[bytes], Plugin]) -> None:
    assert "does not export" in fault(host, load(b"\0asm\x0d\0\x01\0")).message


def test_r32_unknown_imports_are_refused(host: PluginHost, load: Callable[[bytes], Plugin]) -> None:
    found = fault(host, load(components.importing("evil:host/disk@1.0.0")))
    assert "evil:host/disk@1.0.0, which is not in the contract" in found.message


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        ("[]", "invalid-manifest"),
        ("nonsense", "protocol"),
        ('{"name":"x"}', "invalid-manifest"),
        (components.MANIFEST.replace('"0.1"', '"9.9"'), "unsupported-contract"),
        (components.MANIFEST.replace('"hostile"', '"../../etc"'), "invalid-manifest"),
        (components.MANIFEST.replace('"x":{', '"a b":{'), "invalid-manifest"),
        (components.MANIFEST.replace('"0.1"', '"0.1","grants":{"everything":true}'), "invalid-manifest"),
        (components.MANIFEST.replace('"0.1"', '"0.1","sources":[{"name":"s"}]'), "invalid-manifest"),
        ('{"fault":{"code":"sorry","message":"no"}}', "sorry"),
        ("[" * 1500, "protocol"),
    ],
)
def test_r35_lying_manifests(host: PluginHost, load: Callable[[bytes], Plugin], manifest: str, code: str) -> None:
    plugin = load(components.component(manifest=manifest))
    with pytest.raises(Fault) as raised:
        host.describe(plugin)
    assert raised.value.code == code


@pytest.mark.parametrize("result", ["", "{", "nul", "[1,]", '{"a":1}x'])
def test_r35_results_that_are_not_json(host: PluginHost, load: Callable[[bytes], Plugin], result: str) -> None:
    assert fault(host, load(components.component(result=result))).code == "protocol"


def test_r35_requests_of_a_manifest_grant_nothing(wasm: Bench) -> None:
    """R32: what a plugin asks for is not what it gets."""
    assert wasm.host.describe(wasm.plugin).grants.commands
    wasm.fault("denied", "run", ["echo", "hi"])


def test_r35_a_plugin_is_served_after_it_crashed(wasm: Bench) -> None:
    for _ in range(3):
        wasm.fault("crashed", "die")
        assert wasm.call("echo", "alive") == "alive"


PROGRAMS = {
    "silent end": ("exit 0", "crashed"),
    "failed end": ("echo broken >&2; exit 7", "crashed"),
    "not json": ("echo nonsense; sleep 1000", "protocol"),
    "not an object": ("echo 5; sleep 1000", "protocol"),
    "unknown message": ("echo '{\"what\":1}'; sleep 1000", "protocol"),
    "unknown request": (
        'echo \'{"request":{"kind":"root.shell"}}\'; read answer; echo "$answer"; sleep 1000',
        "protocol",
    ),
    "endless line": ("cat /dev/zero", "output-limit"),
    "silence": ("sleep 1000", "timeout"),
    "closed output": ("exec >&-; sleep 1000", "timeout"),
    "busy": ("while :; do :; done", "cpu-limit"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_r35_hostile_programs(host: PluginHost, name: str) -> None:
    """R35: an executable is not sandboxed, but it is bounded and killed, with what it started."""
    body, codes = PROGRAMS[name]
    plugin = host.load(f"#!/bin/sh\n{body}\n".encode(), Carrier.EXECUTABLE, name=name)
    with pytest.raises(Fault) as raised:
        call(host, plugin, Budget(cpu=1, wall=2 if "timeout" in codes else 200))
    assert raised.value.code in codes.split("|"), raised.value


def test_r32_executables_get_a_clean_environment(host: PluginHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    body = '#!/bin/sh\nread call; env | grep -q SECRET && found=leaked; echo "{\\"result\\":\\"${found:-clean}\\"}"\n'
    assert call(host, host.load(body.encode(), Carrier.EXECUTABLE, name="clean")) == "clean"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"def broken(:\n", r"SyntaxError: invalid syntax \(plugin.py, line 1\)"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x\0y = 1", "null bytes"),
        (b"-" * 200_000 + b"1", "invalid-source|crashed"),
        (b"(" * 5_000, "too many nested parentheses|stack exhausted"),
    ],
)
def test_r35_sources_that_are_no_python(host: PluginHost, source: bytes, message: str) -> None:
    with pytest.raises(Fault, match=message):
        host.describe(host.load(source, Carrier.PYTHON, name="source"))


@pytest.mark.parametrize("source", ["1/0", "import ctypes_of_mine", "plugin = 5", "while True: pass"])
def test_r35_sources_that_do_not_start(host: PluginHost, source: str) -> None:
    plugin = host.load(source.encode(), Carrier.PYTHON, name="source")
    with pytest.raises(Fault) as raised:
        call(host, plugin, Budget(cpu=1))
    assert raised.value.code in {"invalid-source", "cpu-limit", "timeout"}


def test_r35_too_little_memory_to_begin_with(host: PluginHost, wasm: Bench) -> None:
    assert "memory" in wasm.fault("crashed", "echo", 1, budget=Budget(memory=1 << 20)).message


def test_carriers_are_recognised() -> None:
    assert carriers.recognise("x", b"\0asm\x0d\0\x01\0") is Carrier.WASM
    assert carriers.recognise("x.py", b"import x") is Carrier.PYTHON
    assert carriers.recognise("x", b"#!/bin/sh") is Carrier.EXECUTABLE
    with pytest.raises(Fault, match="no Wasm component"):
        carriers.recognise("x.txt", b"hello")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "expression", ["", "failed|Result=", r'"unit":"khutulun-[^"]*"', "(a|b){2,3}", "(?i)x.*y", "((a))+"]
)
def test_r35_good_filters(expression: str) -> None:
    expressions.check(expression)


@pytest.mark.parametrize(
    "expression", ["(a+)+$", "(a*b*)*", r"(x+)\1", "(", "a" * 2000, "((a{1,99}){1,99})", "(?:(?:a|b+)*c)*"]
)
def test_r35_filters_that_could_hang_the_host(expression: str) -> None:
    """R35: filters of event sources run in the host."""
    with pytest.raises(ValueError, match=r"\S"):
        expressions.check(expression)
