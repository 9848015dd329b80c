"""A page's WebSocket through a reverse proxy: the snapshot, then samples as they are made and not in heaps.

Usage: viewer.py URL CERTIFICATE USERNAME, such as wss://localhost:443/speed.
"""

import json
import ssl
import sys
import time

from websockets.sync.client import connect

url, certificate, username = sys.argv[1:]
context = ssl.create_default_context(cafile=certificate)
with connect(f"{url}/api/v1/live", ssl=context, ping_interval=None) as connection:
    connection.send(json.dumps({"type": "watch", "username": username}))
    first = json.loads(connection.recv(timeout=15))
    assert first["type"] == "snapshot" and first["username"] == username, first
    arrivals = []
    while len(arrivals) < 4:
        message = json.loads(connection.recv(timeout=15))
        if message["type"] == "sample":
            arrivals.append(time.monotonic())
    gaps = [later - earlier for earlier, later in zip(arrivals, arrivals[1:])]
    assert max(gaps) > 0.5, f"samples came in a heap: {gaps}"
