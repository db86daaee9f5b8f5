"""When the cyclic garbage collector has nothing to find: whoever builds much that stays says so.

Used where graphs are planned and made, and by compilers for what they read. The collector walks everything that is
there again and again while it grows, which took more time than all else of an instance of 10,000 nodes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the cyclic garbage collector from walking, again and again, what is being built and will stay.

    At the end everything counts as old (which is all that freezing and unfreezing does), so that the next collection
    of young objects does not walk it either.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            gc.freeze()
            gc.unfreeze()
        gc.enable()
