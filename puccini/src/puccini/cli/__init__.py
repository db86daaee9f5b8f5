"""The command lines ``puccini-tosca`` and ``puccini-csar``. Nothing here is imported before a command needs it.

Exit codes: 0 fine, 1 invalid (or refused), 2 wrong usage, 3 something cannot be read or written.
"""
