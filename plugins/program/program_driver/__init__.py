"""The driver `program`; see README.md."""
