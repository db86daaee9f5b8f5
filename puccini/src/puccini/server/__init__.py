"""The language server: what editors ask about TOSCA files, answered from the same core as everything else.

`puccini.server.protocol` speaks the Language Server Protocol; only it needs the packages for that. The other modules
answer with positions from 0, in characters, and know nothing of a protocol.
"""
