"""The driver `script`; see docs/profile.md."""
