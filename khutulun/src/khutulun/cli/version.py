"""The version, as the package says it: asking the package's metadata costs more than all the rest of `--version`."""

VERSION = "0.1.0"
