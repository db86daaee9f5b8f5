"""The version, where finding it costs nothing; a test compares it with that of the distribution."""

VERSION = "0.1.0"
