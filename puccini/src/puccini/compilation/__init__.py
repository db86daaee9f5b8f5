"""From a checked model to a Floria bundle: ``puccini.compile``."""

from puccini.compilation.bundle import compile

__all__ = ["compile"]
