"""The driver conformance kit: what every driver has to show on a real machine, with its real tool.

``khutulun plugin check FOLDER`` runs it. A driver describes itself in ``tests/kit/kit.yaml`` (`description`); the kit
serves it with a server of its own (`serving`), and makes a table of what it saw (`report`).
"""
