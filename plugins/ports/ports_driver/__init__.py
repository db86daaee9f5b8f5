"""The driver `ports`; see docs/ports.md."""
