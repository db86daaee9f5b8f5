"""R32: D-Bus calls, by busctl, on a bus of our own."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from floria.plugins import Fault, requests
from floria.plugins.conformance import Bench
from floria.plugins.effects import dbus

BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A message bus of its own; its address."""
    folder = tmp_path_factory.mktemp("bus")
    (
        folder / "bus.conf"
    ).write_text(f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow own="*"/><allow receive_sender="*"/></policy></busconfig>
""")
    command = ["dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--print-address=1"]
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    yield daemon.stdout.readline().strip().split(",")[0]
    daemon.terminate()
    daemon.wait()
    daemon.stdout.close()


@pytest.mark.system
def test_methods_are_called(wasm: Bench, bus: str, tmp_path: Path) -> None:
    """R32: results come back as data; what is not granted is denied; errors are faults."""
    grant = {"destination": BUS[0], "bus": bus, "effect": "query"}
    granted = {"dbus": [{**grant, "member": "ListNames"}, {**grant, "member": "*Owner*"}]}
    assert BUS[0] in str(wasm.call("dbus", bus, *BUS, "ListNames", granted=granted))
    assert wasm.call("dbus", bus, *BUS, "NameHasOwner", "s", BUS[0], granted=granted) == [True]
    wasm.fault("denied", "dbus", bus, *BUS, "GetId", granted=granted)
    wasm.fault("denied", "dbus", "system", *BUS, "ListNames", granted=granted)
    wasm.fault("dbus-error", "dbus", bus, *BUS, "GetNameOwner", "s", "no.such.name", granted=granted)
    changing = {"dbus": [{"destination": BUS[0], "bus": bus}]}
    assert wasm.call("dbus", bus, *BUS, "RequestName", "su", "org.x", 0, granted=changing, spool=tmp_path) == [1]


@pytest.mark.parametrize(
    ("signature", "arguments", "words"),
    [
        ("", (), []),
        ("sbu", ("a b", True, 7), ["a b", "true", "7"]),
        ("d", (0.5,), ["0.5"]),
        ("as", (["x", "y"],), ["2", "x", "y"]),
        ("a{sv}", ({"k": {"type": "as", "data": ["v"]}},), ["1", "k", "as", "1", "v"]),
        ("(si)ao", (["a", -1], []), ["a", "-1", "0"]),
        ("a(sv)", ([["Restart", {"type": "s", "data": "no"}]],), ["1", "Restart", "s", "no"]),
        ("aau", ([[1], [2, 3]],), ["2", "1", "1", "2", "2", "3"]),
    ],
)
def test_arguments_become_words(signature: str, arguments: tuple[object, ...], words: list[str]) -> None:
    request = requests.CallDBus("session", "a.b", "/", "a.b", "C", signature, arguments)
    argv = dbus.command(request).argv
    assert argv[:4] == ("busctl", "--json=short", "--user", "call")
    assert list(argv[9:]) == ([signature, *words] if signature else [])


@pytest.mark.parametrize(
    ("signature", "arguments"),
    [("s", (1,)), ("u", (True,)), ("u", ("1",)), ("s", ()), ("", ("x",)), ("v", ("x",)), ("(s)", (["a", "b"],)),
     ("(ss)", (["a"],)), ("a", ([],)), ("(s", ("a",)), ("as", ("ab",)), ("z", ("a",))],
)  # fmt: skip
def test_arguments_that_do_not_fit(signature: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(Fault, match="invalid-request"):
        dbus.command(requests.CallDBus("system", "a.b", "/", "a.b", "C", signature, arguments))
