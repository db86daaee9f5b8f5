"""Files of services on their host: whole, once, and also when several nodes want the same one at once (R3)."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from floria import plugins
from khutulun import paths
from khutulun.agent import messages
from khutulun.agent.artifacts import Artifacts
from khutulun.agent.loader import Loader
from khutulun.bus import interface as bus
from khutulun.bus.local import LocalBus

CONTENT = bytes(range(256)) * 64
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def test_r3_nodes_that_share_a_file_have_it_delivered_once(tmp_path: Path) -> None:
    fetched: list[str] = []
    halfway, go_on = threading.Event(), threading.Event()

    def fetch(digest: str) -> Iterator[bytes]:
        fetched.append(digest)
        yield CONTENT[:100]
        halfway.set()
        go_on.wait(120)
        yield CONTENT[100:]

    artifacts = Artifacts(tmp_path, fetch)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(artifacts.deliver, "s", {"bin/app": DIGEST})
        halfway.wait(120)
        second = pool.submit(artifacts.deliver, "s", {"bin/app": DIGEST})
        assert not (tmp_path / "s/bin/app").exists()
        go_on.set()
        first.result()
        second.result()
    assert (tmp_path / "s/bin/app").read_bytes() == CONTENT
    assert fetched == [DIGEST]
    assert [found.name for found in (tmp_path / "s/bin").iterdir()] == ["app"]


@pytest.mark.parametrize("sent", [b"", CONTENT[:1000], CONTENT + b"more"])
def test_r3_a_file_that_does_not_arrive_as_it_is_is_not_delivered(tmp_path: Path, sent: bytes) -> None:
    over = LocalBus()

    def serve(request: messages.Blob, channel: bus.Channel) -> None:
        if sent:
            channel.send(sent)

    over.accept("conductor.blob", messages.Blob, serve)
    where = paths.paths(paths.Scope.USER, tmp_path)
    with plugins.PluginHost(tmp_path / "compiled") as host:
        artifacts = Artifacts(tmp_path / "files", Loader(over, where, host).fetch)
        with pytest.raises(bus.BusError, match="did not arrive as it is"):
            artifacts.deliver("s", {"app": DIGEST})
    assert list((tmp_path / "files/s").iterdir()) == []
    assert artifacts.missing("s", {"app": DIGEST}) == {"app": DIGEST}
    over.close()


def test_forgotten_services_leave_nothing_behind(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path, lambda digest: iter([CONTENT]))
    artifacts.deliver("s", {"a": DIGEST})
    artifacts.deliver("t", {"a": DIGEST})
    artifacts.forget("s")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["t"]
    assert artifacts.missing("s", {"a": DIGEST}) == {"a": DIGEST}
    assert artifacts.missing("t", {"a": DIGEST}) == {}
