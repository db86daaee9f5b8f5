"""Listens at a port until it is killed: ``listen.py PORT FILE`` returns when it does, and FILE holds its number."""

import os
import signal
import socket
import sys
from pathlib import Path

listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
child = os.fork()
if child:
    Path(sys.argv[2]).write_text(str(child))
    os._exit(0)
os.setsid()
nothing = os.open(os.devnull, os.O_RDWR)
for stream in range(3):
    os.dup2(nothing, stream)
signal.pause()
