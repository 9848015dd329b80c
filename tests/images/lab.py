"""What every proof here stands on: a world of its own, processes that end with it, and conditions that are awaited.

The world is made by unshare: networks, mounts and processes that nothing outside sees and that vanish with this process, killed
or not. Within it `ip netns` makes the container's network, as a router does.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The router's address on the container's wire, which is the container's gateway, and the container's.
GATEWAY, CONTAINER = "172.17.0.1", "172.17.0.2"
# A relay somewhere on the Internet, known by name.
RELAY, RELAY_NAME = "192.0.2.10", "relay.example.net"


class Failed(Exception):
    """A proof that did not hold."""


def enter_world():
    """Starts this program again inside a world of its own; returns there."""
    if os.environ.get("LINELIGHT_LAB") != "inside":
        if os.geteuid() != 0:
            print(f"{sys.argv[0]}: skipped, for it needs root to make network namespaces: sudo {' '.join(sys.argv)}")
            sys.exit(0)
        os.environ["LINELIGHT_LAB"] = "inside"
        unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])
    del os.environ["LINELIGHT_LAB"]
    # The names of network namespaces and runc's state are files under /run.
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{RELAY}/32", "dev", "lo")


def wire_container():
    """The container's network: one end of a veth pair, the router the gateway at the other. Returns the namespace's path."""
    run("ip", "netns", "add", "container")
    run("ip", "link", "add", "veth-router", "type", "veth", "peer", "name", "veth-agent", "netns", "container")
    run("ip", "address", "add", f"{GATEWAY}/24", "dev", "veth-router")
    run("ip", "link", "set", "veth-router", "up")
    inside = ["ip", "-n", "container"]
    run(*inside, "address", "add", f"{CONTAINER}/24", "dev", "veth-agent")
    run(*inside, "link", "set", "lo", "up")
    run(*inside, "link", "set", "veth-agent", "up")
    run(*inside, "route", "add", "default", "via", GATEWAY)
    return "/run/netns/container"


def run(*command, **options):
    """Runs a command to its end and returns what it printed; raises Failed with what it complained of."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@contextlib.contextmanager
def process(name, *command, log, **options):
    """A process for as long as the block runs, its output in a file; what it said last is shown when the block fails."""
    with open(log, "wb") as out:
        child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, **options)
    try:
        yield child
    except BaseException:
        tail = pathlib.Path(log).read_text(errors="replace").splitlines()[-30:]
        print(f"--- {name} ({'running' if child.poll() is None else f'ended with {child.returncode}'}) said last:", *tail, sep="\n")
        raise
    finally:
        child.terminate()
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for(what, condition, seconds=20):
    """Waits until the condition returns something true, and returns that; raises Failed when it does not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise Failed(f"not within {seconds} s: {what}")


def check(holds, what):
    """Raises Failed unless it holds."""
    if not holds:
        raise Failed(what)
