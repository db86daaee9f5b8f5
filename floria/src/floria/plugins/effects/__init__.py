"""Everything that plugins do to the world: executed, journaled, planned, replayed and printed in one place."""

from floria.plugins.effects.access import Evaluate, GraphAccess, Log, Secrets
from floria.plugins.effects.effects import Effects, Mode
from floria.plugins.effects.journal import Effect, Journal, MemoryJournal, Outcome, Status, decode, encode
from floria.plugins.effects.planned import PlannedFiles
from floria.plugins.effects.processes import ENVIRONMENT, Limits
from floria.plugins.effects.script import script

__all__ = [
    "ENVIRONMENT",
    "Effect",
    "Effects",
    "Evaluate",
    "GraphAccess",
    "Journal",
    "Limits",
    "Log",
    "MemoryJournal",
    "Mode",
    "Outcome",
    "PlannedFiles",
    "Secrets",
    "Status",
    "decode",
    "encode",
    "script",
]
