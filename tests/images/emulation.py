"""Runs the binaries of other architectures where they are: the kernel starts qemu for them, inside a container too."""

import contextlib
import pathlib
import platform
import subprocess

from lab import Failed, ROOT, run

HANDLERS = pathlib.Path("/proc/sys/fs/binfmt_misc")
EMULATORS = {"arm64": "qemu-aarch64", "armv7": "qemu-arm", "armv5": "qemu-arm"}
NATIVE = {"x86_64": "x86-64", "aarch64": "arm64"}
# hEX refresh and hEX S (2025) run nothing newer; qemu reads its flags from QEMU_… variables.
VARIABLES = {"armv5": {"QEMU_CPU": "arm926"}}


@contextlib.contextmanager
def of(archs):
    """Makes the architectures' binaries start for as long as the block runs; what they need in their environment, by architecture."""
    registered = []
    try:
        for arch in archs:
            if arch != NATIVE.get(platform.machine()) and not starts(arch):
                registered.append(register(EMULATORS[arch]))
        yield {arch: VARIABLES.get(arch, {}) for arch in archs}
    finally:
        for handler in registered:
            handler.write_text("-1")


def starts(arch):
    """Whether the kernel already knows what to do, as where qemu-user-static is installed with systemd running."""
    try:
        return subprocess.run([ROOT / f"target/static/{arch}/linelight-agent", "--version"], stdout=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def register(emulator):
    """Tells the kernel what Debian's package would, under a name of our own, so that it can be taken back."""
    if not (HANDLERS / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", HANDLERS)
    rules = pathlib.Path(f"/usr/lib/binfmt.d/{emulator}.conf")
    if not rules.exists():
        raise Failed(f"{rules} is missing; run: tests/setup musl")
    [rule] = [line for line in rules.read_text().splitlines() if line.startswith(":")]
    name = f"linelight-{emulator}"
    (HANDLERS / "register").write_text(rule.replace(f":{emulator}:", f":{name}:", 1))
    return HANDLERS / name
