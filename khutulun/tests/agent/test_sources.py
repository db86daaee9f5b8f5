"""Push sources that are commands (R30)."""

import queue

from khutulun.agent import sources


def test_r30_a_source_that_was_away_is_asked_for_what_was_missed() -> None:
    said: queue.Queue[str] = queue.Queue()
    argv = ["sh", "-c", 'echo "$1"', "sh", f"--since={sources.SINCE}"]
    source = sources.CommandSource("missed", argv, said.put, lambda: None)
    source.start()
    first, second = (float(said.get(timeout=60).removeprefix("--since=")) for _ in range(2))
    source.stop()
    assert first < second
