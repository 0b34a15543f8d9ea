# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a Unix socket, once for each connection: ``python listening.py SOCKET [--once] COMMAND…``."""

from __future__ import annotations

import socket
import subprocess
import sys

path, *words = sys.argv[1:]
once = words[0] == "--once"
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
    listener.bind(path)
    listener.listen()
    print("listening", flush=True)
    running = []
    while not once or not running:
        connection, _ = listener.accept()
        with connection:
            running.append(subprocess.Popen(words[once:], stdin=connection, stdout=connection))
running[0].wait()
