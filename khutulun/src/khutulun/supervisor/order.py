"""In which order workloads come back after a reboot: each after those that its spec's `after` names."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def arrange(after: "Mapping[str, Sequence[str]]") -> "dict[str, list[str]]":
    """Return all names, each with those that come before it; what is not known and what closes a circle does not."""
    found: dict[str, list[str]] = {}
    entered: set[str] = set()
    for start in sorted(after):
        path: list[tuple[str, Iterator[str]]] = []
        if start not in entered:
            entered.add(start)
            path.append((start, iter(sorted(after[start]))))
        while path:
            name, rest = path[-1]
            deeper = next((one for one in rest if one in after and one not in entered), None)
            if deeper is not None:
                entered.add(deeper)
                path.append((deeper, iter(sorted(after[deeper]))))
            else:
                path.pop()
                found[name] = [one for one in sorted(after[name]) if one in found]
    return found
