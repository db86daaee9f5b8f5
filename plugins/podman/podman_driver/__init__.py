"""The driver `podman`; see its README."""
