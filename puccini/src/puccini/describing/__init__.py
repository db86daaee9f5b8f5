"""Types and service templates as their users need to know them: with everything that is inherited, as plain data.

``puccini-tosca describe`` prints it, the language server shows it.
"""

from puccini.describing.services import service
from puccini.describing.types import profile, schema, type

__all__ = ["profile", "schema", "service", "type"]
