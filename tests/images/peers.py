"""Who an agent talks to: the simulated router at its gateway, a relay behind TLS, and viewers of its lines."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import time
import urllib.request

from container import RUNC, USER, container, run_once
from lab import RELAY, RELAY_NAME, Failed, check, process, run, wait_for

PASSWORD = "a password with spaces = and %"
CONTROL_PORT = 8799
# Where a relay's operator reads its metrics.
PRIVATE = "127.0.0.1:9100"
# What requests to a private listener off loopback bear; elsewhere it is ignored.
PRIVATE_TOKEN = "a-token-of-the-test-alone"


class Router:
    """The simulated router's control port."""

    def __init__(self, address):
        self.address = address

    def tell(self, command):
        """One command; returns the lines of its answer."""
        with socket.create_connection((self.address, CONTROL_PORT), timeout=5) as connection:
            connection.sendall(command.encode() + b"\n")
            lines = []
            for line in connection.makefile(encoding="utf-8"):
                line = line.rstrip("\n")
                if line == "ok":
                    return lines
                if line.startswith("error"):
                    raise Failed(f"the simulated router refuses {command!r}: {line}")
                lines.append(line.removeprefix("= "))
        raise Failed(f"the simulated router did not answer {command!r}")

    def usernames(self):
        """Everyone who has a session, and whose name is written alike here, in a URL and in a link."""
        sessions = [line.split(" ") for line in self.tell("ports")]
        return [username for _, _, username, _ in sessions if re.fullmatch(r"\w[\w.@-]*", username, re.ASCII)]


@contextlib.contextmanager
def router(binary, address, subscribers, work, *flags):
    """A simulated concentrator on an address, for as long as the block runs."""
    password = work / "router-password"
    password.write_text(PASSWORD + "\n")
    command = [binary, "--listen", address, "--api-port", "8728", "--control-port", CONTROL_PORT, "--subscribers", subscribers, *flags]
    with process("simulated-router", *command, "--password-file", password, log=work / "router.log"):
        wait_for("the simulated router is ready", lambda: "\nready\n" in (work / "router.log").read_text())
        yield Router(address)


def certificates(work):
    """A certification authority of our own, and a certificate by it for the relay's name."""
    def openssl(*words):
        run("openssl", *words, cwd=work)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Lab", "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", *key, "-keyout", "relay.key", "-out", "relay.csr", "-subj", f"/CN={RELAY_NAME}")
    (work / "relay.ext").write_text(f"subjectAltName=DNS:{RELAY_NAME}\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "relay.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "relay.pem", "-days", "2", "-extfile", "relay.ext")


class Relay:
    """A relay's commands, metrics and lines, as an operator and as viewers see them."""

    def __init__(self, command, data, ca, address, private):
        self.command, self.data, self.address, self.private = command, data, address, private
        self.tls = ssl.create_default_context(cafile=str(ca))

    def add_agent(self, name):
        """Its token, once the relay knows it."""
        before = self.metrics()["linelight_file_reloads_total"]
        token = run(*self.command, "agent", "add", name, "--lines", "*").strip()
        wait_for("the relay takes up its agents' file", lambda: self.metrics()["linelight_file_reloads_total"] > before, 5)
        return token

    def answers(self):
        """Whether it is up."""
        try:
            return bool(self.metrics())
        except OSError:
            return False

    def metrics(self):
        """Each metric with its labels, and its value."""
        request = urllib.request.Request(f"http://{self.private}/metrics", headers={"authorization": f"Bearer {PRIVATE_TOKEN}"})
        text = urllib.request.urlopen(request, timeout=5).read().decode()
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*(?:\{.*\})?) (\S+)$", text, re.M)}

    def link(self, username):
        """A token for a line, minted as a billing portal would: from the keys file, with no word to the relay."""
        [key, *_] = json.loads((self.data / "keys.json").read_text())["keys"]
        claims = {"aud": "linelight:line", "sub": username, "exp": int(time.time()) + 3600}
        head = {"alg": "HS256", "typ": "JWT", "kid": key["kid"]}
        signed = b".".join(encode(json.dumps(part).encode()) for part in (head, claims))
        secret = base64.urlsafe_b64decode(key["k"] + "=" * (-len(key["k"]) % 4))
        return (signed + b"." + encode(hmac.digest(secret, signed, hashlib.sha256))).decode()

    def rates(self, username, end):
        """The rates of a line's samples as they come until the end, (download, upload) in bits per second."""
        for frame in self.frames(username, end):
            if frame["type"] == "sample":
                yield frame["down"], frame["up"]
            elif frame["type"] == "samples":
                yield from zip(frame["down"], frame["up"])

    def see_rates(self, username, download, upload):
        """Waits, as a viewer of the line, for three samples in a row of exactly these rates."""
        in_a_row, last, end = 0, None, time.monotonic() + 60
        for last in self.rates(username, end):
            in_a_row = in_a_row + 1 if last == (download, upload) else 0
            if in_a_row == 3:
                return
        raise Failed(f"a viewer of {username} did not see {download} and {upload} bit/s, last {last}")

    def frames(self, username, end, timeout=15):
        """The frames of a line's server-sent events, until the end; the relay lets none be silent for as long as the timeout."""
        connection = http.client.HTTPSConnection(RELAY_NAME, 443, context=self.tls, timeout=timeout)
        # Its name is in no DNS here.
        plain = socket.create_connection((self.address, 443), timeout=timeout)
        connection.sock = self.tls.wrap_socket(plain, server_hostname=RELAY_NAME)
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v1/lines/{username}/live", headers={"Authorization": f"Bearer {self.link(username)}"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise Failed(f"the relay answers {answer.status} to a viewer: {answer.read()!r}")
            for line in answer:
                if time.monotonic() > end:
                    return
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    async def watch_all(self, usernames, samples, seconds):
        """Opens a viewer for each line and waits until each had so many samples; returns the viewers, still open."""
        viewers = [Viewer(self, username) for username in usernames]
        for start in range(0, len(viewers), 50):
            await asyncio.gather(*(viewer.open() for viewer in viewers[start : start + 50]))
        tasks = [asyncio.create_task(viewer.take(samples)) for viewer in viewers]
        _, waiting = await asyncio.wait(tasks, timeout=seconds)
        if waiting:
            raise Failed(f"{len(waiting)} of {len(viewers)} watched lines had not {samples} samples within {seconds} s")
        for task in tasks:
            task.result()
        return viewers


class Viewer:
    """One open stream of server-sent events, whose content nobody keeps."""

    def __init__(self, relay, username):
        self.relay, self.username = relay, username
        self.reader = self.writer = None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(self.relay.address, 443, ssl=self.relay.tls, server_hostname=RELAY_NAME, limit=1 << 20)
        request = f"GET /api/v1/lines/{self.username}/live HTTP/1.1\r\nHost: {RELAY_NAME}\r\nAuthorization: Bearer {self.relay.link(self.username)}\r\n\r\n"
        self.writer.write(request.encode())
        await self.writer.drain()

    async def take(self, samples):
        """Reads until so many samples have come."""
        async for line in self.reader:
            if line.startswith(b"data:") and (frame := json.loads(line[5:]))["type"] in ("sample", "samples"):
                samples -= 1 if frame["type"] == "sample" else len(frame["t"])
                if samples <= 0:
                    return
        raise Failed(f"the relay ended the stream of {self.username}")

    def close(self):
        self.writer.transport.abort()


def relay_flags(tls):
    """What makes a relay serve on the Internet's side, by TLS under its name."""
    return ["serve", "--listen", f"{RELAY}:443", "--tls-cert", f"{tls}/relay.pem", "--tls-key", f"{tls}/relay.key", "--max-viewers", "2000"]


@contextlib.contextmanager
def relay(binary, work):
    """A relay for as long as the block runs."""
    data = work / "relay-data"
    command = [binary, "--data", data]
    run(*command, "init")
    with process("linelight-relay", *command, *relay_flags(work), log=work / "relay.log"):
        yield ready(Relay(command, data, work / "ca.pem", RELAY, PRIVATE))


@contextlib.contextmanager
def relay_image(bundle, work):
    """The same as a container of its image: not root, nothing to write on but its state."""
    data, tls = work / "relay-state", work / "relay-tls"
    for folder in (data, tls):
        folder.mkdir()
        os.chown(folder, USER, USER)
    for file in ("relay.pem", "relay.key"):
        shutil.copy(work / file, tls)
        os.chown(tls / file, USER, USER)
    # As container engines set it.
    run("sysctl", "--quiet", "--write", "net.ipv4.ip_unprivileged_port_start=0")
    mounts = {"mounts": {"/tls": tls}, "writable": {"/var/lib/linelight": data}}
    first = json.loads((bundle / "config.json").read_text())
    check(first["process"]["args"] == ["/linelight-relay", "serve"], f"the relay's image starts {first['process']['args']}")
    run_once("init", bundle, work, command=["init"], **mounts)
    with container("relay", bundle, work, command=relay_flags("/tls"), **mounts):
        yield ready(Relay([*RUNC, "exec", "relay", "/linelight-relay"], data, work / "ca.pem", RELAY, PRIVATE))


def ready(relay):
    wait_for("the relay answers", relay.answers)
    return relay


def encode(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=")
