"""TOSCA with all names resolved: types with what they inherit, and the service. Made by `puccini.semantics`."""
