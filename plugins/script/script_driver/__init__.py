"""The driver `script`; see README.md."""
