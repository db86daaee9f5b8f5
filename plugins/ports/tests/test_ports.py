"""Port numbers belong to one workload, also against everything else on the machine (R20, R21, R23, R25)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ports_driver import sockets
from ports_driver.driver import plugin

from floria_plugin.faults import Fault, Permanent
from floria_plugin.testing import FakeHost

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def _table(*rows: tuple[int, int]) -> str:
    line = (
        "   {n}: 0100007F:{port:04X} 00000000:0000 {state:02X} 00000000:00000000 00:00000000 00000000  1000  0 {n} 1\n"
    )
    return HEAD + "".join(line.format(n=n, port=port, state=state) for n, (port, state) in enumerate(rows))


def _host(*rows: tuple[int, int], **more: Any) -> FakeHost:
    files = {"/proc/net/tcp": _table(*rows), "/proc/net/udp": HEAD, "/proc/net/udp6": HEAD, "/proc/net/tcp6": HEAD}
    return FakeHost({("ss", "..."): ""}, files, **more)


def _port(make_site: Any, properties: dict[str, Any], held: dict[str, Any] | None = None) -> dict[str, Any]:
    site: dict[str, Any] = make_site(properties, node="http", kind="Port")
    site["entity"] |= {"id": "port-1", "capabilities": {"reservation": held or {}}}
    return site


def _reserve(host: FakeHost, make_site: Any, properties: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = host.call(plugin, "create", _port(make_site, properties), [{}])["attributes"]
    return dict(found["capability/reservation"])


SPAN = {"range": {"first": 8000, "last": 8002}}


def test_r20_no_two_workloads_get_the_same_port(make_site: Any) -> None:
    host = _host()
    assert [_reserve(host, make_site, SPAN)["port"] for _ in range(3)] == [8000, 8001, 8002]
    with pytest.raises(Fault, match="all tcp ports of 8000-8002 are in use"):
        _reserve(host, make_site, SPAN)
    assert _reserve(host, make_site, {**SPAN, "protocol": "udp"})["port"] == 8000


def test_r20_ports_that_others_hold_are_left_to_them(make_site: Any) -> None:
    listening, connected, waiting = (8000, 0x0A), (8001, 0x01), (8002, 0x06)
    assert _reserve(_host(listening, connected, waiting), make_site, SPAN)["port"] == 8002
    with pytest.raises(Fault) as refused:
        _reserve(_host(listening), make_site, {"number": 8000})
    assert (refused.value.code, refused.value.retryable) == ("port-in-use", True)
    assert "used by user 1000" in str(refused.value)


def test_r20_a_fixed_port_of_another_workload_is_refused(make_site: Any) -> None:
    host = _host()
    _reserve(host, make_site, {"number": 8000})
    with pytest.raises(Permanent, match="belongs to another workload"):
        _reserve(host, make_site, {"number": 8000})


def test_r21_everything_that_a_client_needs(make_site: Any) -> None:
    assert _reserve(_host(), make_site, {"number": 8080}) == {
        "address": "127.0.0.1",
        "port": 8080,
        "port_text": "8080",
        "protocol": "tcp",
        "authority": "127.0.0.1:8080",
    }


@pytest.mark.parametrize(
    ("address", "authority"), [("::1", "[::1]:80"), ("0.0.0.0", "127.0.0.1:80"), ("10.1.2.3", "10.1.2.3:80")]
)
def test_r25_authorities_of_both_families(make_site: Any, address: str, authority: str) -> None:
    assert _reserve(_host(), make_site, {"number": 80, "address": address})["authority"] == authority


def test_r21_a_port_that_no_longer_fits_is_exchanged_and_told(make_site: Any) -> None:
    host = _host(entities={"port-1": {"id": "port-1"}})
    held = _reserve(host, make_site, {"number": 8080})
    kept = host.call(plugin, "update", _port(make_site, {"number": 8080}, held), [{}])
    assert kept["attributes"]["capability/reservation"] == held
    assert not any(effect["kind"] == "graph.emit" for effect in host.effects)
    changed = host.call(plugin, "update", _port(make_site, {"number": 9090}, held), [{}])
    assert changed["attributes"]["capability/reservation"]["port"] == 9090
    emitted = [effect for effect in host.effects if effect["kind"] == "graph.emit"]
    assert [(effect["event"], effect["detail"]["before"]) for effect in emitted] == [("port-changed", 8080)]
    assert host.claims["port/tcp"] == {"9090"}


def test_create_twice_keeps_the_port_and_delete_gives_it_back(make_site: Any) -> None:
    host = _host()
    held = _reserve(host, make_site, SPAN)
    host.claims["port/tcp"].discard("8000")  # the same workload may claim again
    again = host.call(plugin, "create", _port(make_site, SPAN, held), [{}])
    assert again["attributes"]["capability/reservation"] == held
    for _ in range(2):
        host.call(plugin, "delete", _port(make_site, SPAN, held), [{}])
    assert host.claims["port/tcp"] == set()


def test_inspect_tells_who_listens(make_site: Any) -> None:
    host = _host((8000, 0x0A))
    users = 'LISTEN 0 5 127.0.0.1:8000 0.0.0.0:* users:(("python3",pid=12,fd=3),("sh",pid=13,fd=3))\n'
    host.commands[("ss", "...")] = users
    host.claims["port/tcp"] = {"8000"}
    found = host.call(plugin, "inspect", _port(make_site, SPAN, {"port": 8000, "protocol": "tcp"}), [{}])
    assert found["attributes"] == {"listeners": ["python3 (pid 12)", "sh (pid 13)"]}
    assert found["differences"] == []
    host.claims.clear()
    found = host.call(plugin, "inspect", _port(make_site, {"number": 81}, {"port": 8000, "protocol": "tcp"}), [{}])
    assert [one["what"] for one in found["differences"]] == ["reservation", "number"]


def test_r54_a_port_in_use_is_adopted(make_site: Any) -> None:
    host = _host((8000, 0x0A))
    found = host.call(plugin, "adopt", _port(make_site, {"number": 8000}), [{}])
    assert found["attributes"]["capability/reservation"]["port"] == 8000
    chosen = host.call(plugin, "adopt", _port(make_site, SPAN), [{"existing": "8002"}])
    assert chosen["attributes"]["capability/reservation"]["port"] == 8002
    with pytest.raises(Permanent, match="which number is to be adopted is not said"):
        host.call(plugin, "adopt", _port(make_site, SPAN), [{}])
    with pytest.raises(Permanent, match="9000 is to be adopted, but the node is for 8000-8002"):
        host.call(plugin, "adopt", _port(make_site, SPAN), [{"existing": "9000"}])
    with pytest.raises(Permanent, match="8002 belongs to another workload"):
        host.claims["port/tcp"].add("8002")
        host.call(plugin, "adopt", _port(make_site, SPAN), [{"existing": "8002"}])


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"address": "everywhere"}, "'everywhere' is no IP address"),
        ({"range": {"first": 9, "last": 8}}, "the range 9-8 is empty"),
    ],
)
def test_what_makes_no_sense_is_refused(make_site: Any, properties: dict[str, Any], message: str) -> None:
    with pytest.raises(Permanent, match=message):
        _reserve(_host(), make_site, properties)


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(1, 12)), max_size=30))
def test_tables_are_read_as_written(rows: list[tuple[int, int]]) -> None:
    found = list(sockets.parse(_table(*rows)))
    assert [(socket.port, socket.state) for socket in found] == rows
    assert sockets.used(found) == {port for port, state in rows if state != sockets.TIME_WAIT}


@pytest.mark.system
def test_r20_r23_on_a_real_machine(bare: Any, real_host: Any, make_site: Any) -> None:
    host = real_host(bare, plugin, {})
    server = bare.popen(["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "8000"], stdout=-1, stderr=-1)
    assert server.popen.stdout.readline().startswith(b"Serving")
    before = bare.run(["cat", "/proc/net/dev"]).stdout
    for expected in (8001, 8002):
        found = host.call("create", _port(make_site, SPAN))["attributes"]["capability/reservation"]
        assert found["port"] == expected
    with pytest.raises(Fault, match="tcp port 8000 is used by"):
        host.call("create", _port(make_site, {"number": 8000}))
    assert [line.split(":")[0] for line in bare.run(["cat", "/proc/net/dev"]).stdout.splitlines()] == [
        line.split(":")[0] for line in before.splitlines()
    ]
    server.popen.kill()
    server.popen.communicate()
