"""What the plans that are being made would do to a host's files: each step sees what those before it would write."""

import threading

from floria.plugins import effects

MOST = 64
"""Plans of which that is known at the same time; a conductor that was killed takes none of its plans back."""


class Plans:
    """The planned files of each plan, by its id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, effects.PlannedFiles] = {}

    def files(self, plan: str) -> effects.PlannedFiles | None:
        """Return the files of a plan, empty ones for a new plan; None for what is asked alone (no id)."""
        if not plan:
            return None
        with self._lock:
            found = self._files.setdefault(plan, effects.PlannedFiles())
            for oldest in list(self._files)[:-MOST]:
                del self._files[oldest]
            return found

    def forget(self, plan: str) -> None:
        """Keep nothing of a plan that was made."""
        with self._lock:
            self._files.pop(plan, None)
