"""The driver `ports`; see README.md."""
