"""An image as a running container: as on a router, with everything taken away that it does not need."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

from lab import RELAY, RELAY_NAME, check, process, run, wait_for

USER = 65534
RUNC = ["runc", "--root", "/run/runc"]


class Container:
    """A running container, seen from outside."""

    def __init__(self, name, pid):
        self.name, self.pid = name, pid

    def agent(self):
        """The agent's process, which is the supervisor's one child."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0]) if len(children) == 1 else None

    def memory(self):
        """Resident bytes of the supervisor and of the agent, and the agent's most so far."""
        return [status(pid, field) * 1024 for pid, field in ((self.pid, "VmRSS"), (self.agent(), "VmRSS"), (self.agent(), "VmHWM"))]

    def check_confined(self):
        """Not root, no capability, none to be gained, and nothing to write on."""
        for pid in (self.pid, self.agent()):
            for field, wanted in {"CapEff": 0, "CapPrm": 0, "CapBnd": 0, "CapAmb": 0, "Uid": USER, "Gid": USER, "NoNewPrivs": 1}.items():
                check(status(pid, field, 16 if field.startswith("Cap") else 10) == wanted, f"process {pid} has another {field} than {wanted}")
        mounts = [line.split() for line in pathlib.Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines()]
        for point, options in ((fields[4], fields[5].split(",")) for fields in mounts):
            if point == "/" or point.startswith(("/secrets", "/etc")):
                check("ro" in options, f"{point} can be written to")

    def health(self):
        """What the image's own health check says; fails where that is not well."""
        return run(*RUNC, "exec", self.name, "/linelight-agent", "health").strip()

    def signal(self, name):
        run(*RUNC, "kill", self.name, name)

    def seconds_to_end(self):
        """Stops it as RouterOS does, and says how long that took."""
        started = time.monotonic()
        self.signal("TERM")
        wait_for("the container ends after SIGTERM", lambda: not is_alive(self.pid), 15)
        return time.monotonic() - started

    def kill_agent(self):
        """Kills the agent's process with -9 and waits for the next one; process 1 stays."""
        before = self.agent()
        os.kill(before, signal.SIGKILL)
        wait_for("the supervisor starts the agent again", lambda: self.agent() not in (None, before))
        check(is_alive(self.pid), "the container's process 1 died with its child")


@contextlib.contextmanager
def container(name, bundle, work, **settings):
    """Runs the bundle that umoci unpacked until the block ends."""
    configure(bundle, work, **settings)
    with process(f"the container {name}", *RUNC, "run", "--bundle", bundle, name, log=work / f"{name}.log"):
        try:
            yield Container(name, wait_for(f"the container {name} runs", lambda: running(name)))
        finally:
            subprocess.run([*RUNC, "delete", "--force", name], stderr=subprocess.DEVNULL, check=False)


def run_once(name, bundle, work, **settings):
    """Runs the bundle to its end."""
    configure(bundle, work, **settings)
    run(*RUNC, "run", "--bundle", bundle, name, stdin=subprocess.DEVNULL)


def configure(bundle, work, command=None, network=None, variables=None, mounts=None, writable=None):
    """Takes from umoci's configuration what a router gives nobody, or what this machine's control groups may refuse.

    The command replaces the image's, behind its entry point; without a network the container is in this one.
    """
    hosts = work / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{RELAY} {RELAY_NAME}\n")
    binds = [bind(inside, outside, "ro") for inside, outside in {"/etc/hosts": hosts, **(mounts or {})}.items()]
    binds += [bind(inside, outside, "rw") for inside, outside in (writable or {}).items()]
    path = bundle / "config.json"
    config = json.loads(path.read_text())
    check(config["process"]["user"] == {"uid": USER, "gid": USER}, f"the image's user became {config['process']['user']}")
    config["root"]["readonly"] = True
    config["process"].update({
        "terminal": False,
        "noNewPrivileges": True,
        "capabilities": {kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")},
        "env": [f"{name}={value}" for name, value in (variables or {}).items()],
    })
    if command:
        config["process"]["args"][1:] = command
    config["process"].pop("rlimits", None)
    config["linux"].pop("resources", None)
    config["linux"]["namespaces"] = [space for space in config["linux"]["namespaces"] if space["type"] != "network"]
    if network:
        config["linux"]["namespaces"].append({"type": "network", "path": network})
    config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] in ("/proc", "/dev")] + binds
    path.write_text(json.dumps(config))


def bind(inside, outside, mode):
    return {"destination": inside, "type": "bind", "source": str(outside), "options": ["rbind", mode, "nosuid", "nodev"]}


def running(name):
    state = subprocess.run([*RUNC, "state", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if state.returncode == 0 and (state := json.loads(state.stdout))["status"] == "running":
        return state["pid"]
    return None


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


def status(pid, field, base=10):
    """The first number of a field of /proc/PID/status."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0], base)
    raise KeyError(field)
