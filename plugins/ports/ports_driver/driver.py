"""Reserves port numbers: claimed in the graph, so that no two workloads of a host get the same, and checked against
what the machine really uses, so that nobody else's is taken."""

import ipaddress
from dataclasses import dataclass
from typing import Any

from floria_plugin import Context, Fault, Permanent, Temporary
from floria_plugin.driver import Driver, Inputs, Result, Site
from ports_driver import sockets

CAPABILITY = "reservation"
TABLES = {"tcp": ("/proc/net/tcp", "/proc/net/tcp6"), "udp": ("/proc/net/udp", "/proc/net/udp6")}

plugin = Driver(
    "ports",
    "0.1.0",
    description="TCP and UDP port numbers that belong to one workload alone.",
    grants={
        "files": [
            {"path": "/proc/net", "access": "read", "pattern": "tcp*"},
            {"path": "/proc/net", "access": "read", "pattern": "udp*"},
        ],
        "commands": [
            {"program": "ss", "arguments": ["-Hnlp", "--tcp", "sport = :*"], "effect": "query"},
            {"program": "ss", "arguments": ["-Hnlp", "--udp", "sport = :*"], "effect": "query"},
        ],
        "graph": [{"access": "write", "scope": "own"}],
    },
)


@dataclass(frozen=True)
class Wanted:
    """What is asked for: a protocol, one number or a range, and an address."""

    protocol: str
    number: int | None
    first: int
    last: int
    address: str

    def fits(self, number: int | None) -> bool:
        """Whether a number that is held already is still right."""
        return number is not None and (number == self.number if self.number else self.first <= number <= self.last)


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    """Take the number that is asked for, or a free one of the range."""
    wanted = _wanted(site)
    held, protocol = _held(site)
    if protocol == wanted.protocol and wanted.fits(held) and _still_free(context, protocol, held):
        return _result(site, wanted, held)
    return _result(site, wanted, _choose(context, site, wanted))


@plugin.verb()
def update(context: Context, site: Site, inputs: Inputs) -> Result:
    """Keep the number while it fits; else give it back, take another one, and tell so: `port-changed`."""
    wanted = _wanted(site)
    before, protocol = _held(site)
    keep = protocol == wanted.protocol and wanted.fits(before)
    number = before if keep else _choose(context, site, wanted)
    if before is not None and not keep:
        context.graph.release(_space(protocol), str(before))
    address = _address(site, wanted)
    known = (_reserved(site).get("address"), before, protocol)
    if known != (address, number, wanted.protocol) and site.raw["entity"].get("id"):
        detail = {"port": number, "address": address, "protocol": wanted.protocol, "before": before}
        context.graph.emit(site.raw["entity"]["id"], "port-changed", detail)
    return _result(site, wanted, number)


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    """Give the number back."""
    held, protocol = _held(site)
    if held is not None:
        context.graph.release(_space(protocol), str(held))
    return Result()


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> dict[str, Any]:
    """Tell who listens."""
    wanted = _wanted(site)
    held, protocol = _held(site)
    if held is None:
        return {"exists": False, "attributes": {"listeners": []}, "differences": []}
    differences = []
    if str(held) not in context.graph.claims(_space(protocol)):
        differences.append({"what": "reservation", "expected": held, "found": None})
    if not wanted.fits(held):
        differences.append({"what": "number", "expected": wanted.number or [wanted.first, wanted.last], "found": held})
    return {
        "exists": True,
        "attributes": {"listeners": _listeners(context, protocol, held)},
        "differences": differences,
    }


@plugin.verb()
def adopt(context: Context, site: Site, inputs: Inputs) -> Result:
    """Take a number into the graph that something uses already: the input `existing`, or the property `number`."""
    wanted, existing = _wanted(site), str(inputs.get("existing") or "")
    number = int(existing) if existing.isdigit() else wanted.number
    if number is None:
        hint = f"`--adopt {site.node}=8080` adopts port 8080"
        raise Permanent("invalid-properties", f"{site.node}: which number is to be adopted is not said", hint=hint)
    if not wanted.fits(number):
        asked = str(wanted.number or f"{wanted.first}-{wanted.last}")
        raise Permanent("invalid-properties", f"{site.node}: {number} is to be adopted, but the node is for {asked}")
    if not _claim(context, wanted.protocol, number):
        raise _taken(site, wanted, number)
    return _result(site, wanted, number)


def _wanted(site: Site) -> Wanted:
    given = site.properties
    span = given.get("range") or {}
    first, last = int(span.get("first") or 20000), int(span.get("last") or 29999)
    address = str(given.get("address") or "127.0.0.1")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise Permanent("invalid-properties", f"{site.node}: {address!r} is no IP address") from None
    if first > last:
        raise Permanent("invalid-properties", f"{site.node}: the range {first}-{last} is empty")
    number = given.get("number")
    return Wanted(str(given.get("protocol") or "tcp"), int(number) if number else None, first, last, address)


def _reserved(site: Site) -> dict[str, Any]:
    return dict(((site.raw.get("entity") or {}).get("capabilities") or {}).get(CAPABILITY) or {})


def _held(site: Site) -> tuple[int | None, str]:
    """Return the number and protocol that the workload has already."""
    found = _reserved(site)
    number = found.get("port")
    return (int(number) if number else None), str(found.get("protocol") or "tcp")


def _choose(context: Context, site: Site, wanted: Wanted) -> int:
    used = _used(context, wanted.protocol)
    if wanted.number is not None:
        if wanted.number in used:
            raise _in_use(context, site, wanted)
        if not _claim(context, wanted.protocol, wanted.number):
            raise _taken(site, wanted, wanted.number)
        return wanted.number
    claimed = set(context.graph.claims(_space(wanted.protocol)))
    for number in range(wanted.first, wanted.last + 1):
        if number not in used and str(number) not in claimed and _claim(context, wanted.protocol, number):
            return number
    span = f"{wanted.first}-{wanted.last}"
    raise Temporary("no-free-port", f"{site.node}: all {wanted.protocol} ports of {span} are in use; widen the range")


def _used(context: Context, protocol: str) -> set[int]:
    found: set[int] = set()
    for path in TABLES[protocol]:
        if context.files.exists(path):  # there is no table of IPv6 where it is switched off
            found |= sockets.used(sockets.parse(context.files.read(path)))
    return found


def _still_free(context: Context, protocol: str, number: int | None) -> bool:
    """Take a number that was had before, unless something else came upon it after it was given back."""
    claimed = str(number) in context.graph.claims(_space(protocol))
    return (claimed or number not in _used(context, protocol)) and _claim(context, protocol, number)


def _claim(context: Context, protocol: str, number: int | None) -> bool:
    return number is not None and context.graph.claim(_space(protocol), str(number))


def _space(protocol: str) -> str:
    return f"port/{protocol}"


def _taken(site: Site, wanted: Wanted, number: int) -> Permanent:
    return Permanent(
        "port-reserved",
        f"{site.node}: {wanted.protocol} port {number} belongs to another workload of this host; choose another",
    )


def _in_use(context: Context, site: Site, wanted: Wanted) -> Temporary:
    assert wanted.number is not None
    who = ", ".join(_listeners(context, wanted.protocol, wanted.number)) or "another program"
    detail = {"port": wanted.number, "protocol": wanted.protocol, "by": who}
    return Temporary("port-in-use", f"{site.node}: {wanted.protocol} port {wanted.number} is used by {who}", detail)


def _listeners(context: Context, protocol: str, number: int) -> list[str]:
    """Return who listens: program and pid where `ss` is there and may see them, else the user's number."""
    owners = set()
    for path in TABLES[protocol]:
        if context.files.exists(path):
            found = sockets.parse(context.files.read(path))
            owners |= {socket.uid for socket in found if socket.port == number and socket.listens(protocol)}
    if not owners:
        return []
    named = _programs(context, protocol, number)
    return named or sorted(f"user {uid}" for uid in owners)


def _programs(context: Context, protocol: str, number: int) -> list[str]:
    try:
        shown = context.run("ss", "-Hnlp", f"--{protocol}", f"sport = :{number}", check=False).stdout
    except Fault as fault:
        if fault.code != "missing-program":
            raise
        return []
    found = set()
    for entry in shown.split('("')[1:]:
        program, _, rest = entry.partition('",pid=')
        found.add(f"{program} (pid {rest.partition(',')[0]})")
    return sorted(found)


def _address(site: Site, wanted: Wanted) -> str:
    address = ipaddress.ip_address(wanted.address)
    return site.host.address if address.is_unspecified else str(address)


def _result(site: Site, wanted: Wanted, number: int | None) -> Result:
    address = _address(site, wanted)
    authority = f"[{address}]:{number}" if ":" in address else f"{address}:{number}"
    attributes = {
        "address": address,
        "port": number,
        "port_text": str(number),
        "protocol": wanted.protocol,
        "authority": authority,
    }
    return Result({f"capability/{CAPABILITY}": attributes})
