"""R81, R84, T174: whatever a file or an archive holds, reading it ends with an answer (see `fuzzing`)."""

import traceback

import pytest

from . import fuzzing

ROUNDS = 700


@pytest.mark.parametrize("found", fuzzing.regressions(), ids=lambda one: f"{len(one.data)} bytes {one.archive}")
def test_r81_what_was_found_before_stays_mended(found: fuzzing.Input) -> None:
    fuzzing.read(found)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
def test_r81_mutated_files_and_archives_never_crash(seed: int) -> None:
    """The same inputs each time; ``python puccini/tests/fuzz SECONDS`` tries others."""
    fuzzer = fuzzing.Fuzzer(seed)
    before = len(fuzzer.corpus)
    crashes = [
        f"{found!r}: " + "".join(traceback.format_exception(crash.__cause__ or crash)[-3:])
        for found, crash in fuzzer.run(ROUNDS)
    ]
    assert not crashes, crashes[0]
    assert len(fuzzer.corpus) > before
