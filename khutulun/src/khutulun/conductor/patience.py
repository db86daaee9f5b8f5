"""Work that waits while the store cannot be written, as on a full disk, and then goes on. Executions work so."""

import logging
import threading
from collections.abc import Callable

from floria.store.interface import StoreError

FIRST, LONGEST = 0.5, 15.0
"""Seconds between attempts; they double."""

log = logging.getLogger(__name__)


def patiently(work: Callable[[], object], closing: threading.Event, what: str) -> None:
    """Do `work`, which can be done again, until the store takes it; give up when `closing` is set.

    What the store refuses for another reason than its file (a conflict, say) is raised.
    """
    delay = FIRST
    while True:
        try:
            work()
        except StoreError as error:
            if type(error) is not StoreError:
                raise
            log.error("%s waits: %s (%s)", what, error, error.hint)
        else:
            return
        if closing.wait(delay):
            return
        delay = min(2 * delay, LONGEST)
