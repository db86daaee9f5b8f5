"""The driver `process`; see docs/process.md."""
