"""The relay's viewer stream as PyPI's `websockets` sees it, with the same cases as ws.mjs and its own framing.

Environment: RELAY (host:port), USERNAME, an open line with samples. Prints a line for each failed check and a count.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame
from websockets.sync.client import connect

RELAY, USERNAME = os.environ["RELAY"], os.environ["USERNAME"]
CASES = json.loads((Path(__file__).parent / "cases.json").read_text())
WATCH = json.dumps({"type": "watch", "username": USERNAME})
VIEWER_PROTOCOL = 4101
results = []


def check(name, condition, seen):
    results.append(condition)
    if not condition:
        print(f"websockets: FAILED: {name}: {seen!r}")


class Unchecked(Frame):
    """A frame that may be unlawful."""

    def check(self):
        pass


def bytes_of(case):
    if "raw" in case:
        return bytes.fromhex(case["raw"])
    out = b""
    for frame in case["frames"]:
        payload = bytes.fromhex(frame.get("hex", "")) + frame.get("text", "").encode() + b"x" * frame.get("x", 0)
        reserved = frame.get("reserved", 0)
        framed = Unchecked(frame["opcode"], payload, frame.get("fin", True),
                           bool(reserved & 64), bool(reserved & 32), bool(reserved & 16))
        out += framed.serialize(mask=frame.get("masked", True))
    return out


def stream(phase):
    # Its own pings would count as the viewer's frames.
    connection = connect(f"ws://{RELAY}/api/v1/live", ping_interval=None, close_timeout=5, max_size=None)
    if phase == "after":
        connection.send(WATCH)
        first = json.loads(connection.recv(timeout=15))
        assert first["type"] == "snapshot", first
    return connection


def last_words(connection):
    """The last message, and the close code that the relay sent."""
    message = None
    try:
        while True:
            message = connection.recv(timeout=8)
    except ConnectionClosed as closed:
        return message, closed.rcvd.code if closed.rcvd else None


def try_case(case, phase):
    name = f"{case['name']}, {phase} the watch"
    expected = case.get("close", VIEWER_PROTOCOL)
    connection = stream(phase)
    if "pong" in case:
        payload = "x" * 125 if case["pong"] == "x125" else case["pong"]
        # The library sends the ping itself, and matches the answer by its payload.
        answered = connection.ping(payload).wait(timeout=8)
        check(name, answered, "no pong with the payload")
        connection.close()
        return
    connection.socket.sendall(bytes_of(case))
    message, code = last_words(connection)
    check(name, code == expected, (message, code))
    if expected == VIEWER_PROTOCOL:
        error = json.loads(message or "{}")
        check(f"{name}: an error frame says why", error.get("code") == expected, error)


def what_is_written_is_lawful():
    connection = stream("after")
    check("no extension is agreed on", not connection.protocol.extensions, connection.protocol.extensions)
    times = []
    while len(times) < 3:
        message = json.loads(connection.recv(timeout=15))
        if message["type"] == "sample":
            times.append(message["t"])
    check("samples rise in time", times == sorted(set(times)), times)
    connection.close(1000, "seen")
    check("a close is answered", connection.protocol.close_code == 1000, connection.protocol.close_code)


def guarded(case, phase):
    try:
        try_case(case, phase)
    except Exception as error:
        check(f"{case['name']}, {phase} the watch", False, error)


what_is_written_is_lawful()
with ThreadPoolExecutor(8) as pool:
    for one in CASES["lawful"] + CASES["hostile"]:
        for when in ("before", "after"):
            pool.submit(guarded, one, when)
what_is_written_is_lawful()
print(f"websockets: {results.count(True)} checks passed, {results.count(False)} failed")
sys.exit(0 if all(results) else 1)
