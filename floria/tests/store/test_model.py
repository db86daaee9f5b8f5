"""Stores behave like the model, whatever is done to them."""

import itertools
from typing import Any

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from floria.store.interface import Store
from floria.testing.model import StoreMachine


def test_a_store_behaves_like_the_model(harness: Any) -> None:
    """R71: queries and paths; transactions, allocation, claims and journals, in any order."""
    numbers = itertools.count()

    class Machine(StoreMachine):
        @staticmethod
        def make() -> Store:
            store: Store = harness.make(f"model{next(numbers)}")
            return store

    run_state_machine_as_test(Machine, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))
