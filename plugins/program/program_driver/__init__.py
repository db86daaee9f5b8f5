"""The driver `program`; see docs/profile.md."""
