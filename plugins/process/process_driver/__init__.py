"""The driver `process`; see README.md."""
