"""What goes on until somebody stops it also ends when nobody reads it any more. Called by `events -f` and `logs -f`.

Without this, ``khutulun events -f | grep -m 1 failed`` would wait for one more event to find out that `grep` has gone.
"""

import os
import select
import threading

ABANDONED = 1
"""The exit code, as for everything that cannot be written any more."""

_STDOUT = 1


def end_with_reader() -> None:
    """End this process as soon as the reading end of its standard output is closed."""
    threading.Thread(target=_watch, name="reader", daemon=True).start()


def _watch() -> None:
    poll = select.poll()
    poll.register(_STDOUT, 0)  # errors and hang-ups are always told
    poll.poll()
    os._exit(ABANDONED)
