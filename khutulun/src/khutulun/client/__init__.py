"""A synchronous client of the HTTP API on a unix socket, light enough for a command line."""

from khutulun.client.client import Client, EventStream, LogStream
from khutulun.client.exec import Exec

__all__ = ["Client", "EventStream", "Exec", "LogStream"]
