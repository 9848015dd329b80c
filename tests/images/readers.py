"""The images as independent readers see them: skopeo reads and copies, umoci unpacks."""

import hashlib
import io
import json
import re
import tarfile

from lab import ROOT, Failed, check, run

PLATFORMS = {
    "x86-64": ("amd64", None),
    "arm64": ("arm64", None),
    "armv7": ("arm", "v7"),
    "armv5": ("arm", "v5"),
}
COMMANDS = {"agent": [], "relay": ["serve"]}
FOLDERS = {"agent": {"secrets": 0}, "relay": {"var": 0, "var/lib": 0, "var/lib/linelight": 65534}}


def read_archive(program, arch, tar, binary, work):
    """Reads a docker-archive as RouterOS does and as skopeo and umoci do; returns the bundle that umoci unpacked."""
    plain_for_routeros(tar)
    config = json.loads(run("skopeo", "inspect", "--config", f"docker-archive:{tar}"))
    check_config(program, arch, config)
    layout, bundle = work / f"{program}-{arch}-layout", work / f"{program}-{arch}"
    run("skopeo", "copy", "--quiet", f"docker-archive:{tar}", f"oci:{layout}:{program}")
    run("umoci", "unpack", "--image", f"{layout}:{program}", bundle)
    check_contents(program, bundle / "rootfs", binary)
    return bundle


def read_layout(program, layout, binaries, work):
    """Reads the OCI layout of all architectures, each by its platform, as a registry's client does."""
    whole = work / f"{program}-whole"
    run("skopeo", "copy", "--quiet", "--all", f"oci:{layout}", f"dir:{whole}")
    for arch, binary in binaries.items():
        architecture, variant = PLATFORMS[arch]
        platform = ["--override-os", "linux", "--override-arch", architecture, *(["--override-variant", variant] if variant else [])]
        check_config(program, arch, json.loads(run("skopeo", *platform, "inspect", "--config", f"oci:{layout}")))
        one, bundle = work / f"{program}-{arch}-one", work / f"{program}-{arch}-of-all"
        run("skopeo", *platform, "copy", "--quiet", f"oci:{layout}", f"oci:{one}:{program}")
        run("umoci", "unpack", "--image", f"{one}:{program}", bundle)
        check_contents(program, bundle / "rootfs", binary)


def plain_for_routeros(tar):
    """RouterOS imports a docker-archive whose one layer is not compressed, and refuses OCI layouts and gzip."""
    with tarfile.open(tar, "r:") as archive:
        names = archive.getnames()
        check("oci-layout" not in names and "index.json" not in names, f"{tar} is an OCI layout, which RouterOS refuses")
        [entry] = json.load(archive.extractfile("manifest.json"))
        [layer] = entry["Layers"]
        content = archive.extractfile(layer).read()
        check(content[257:262] == b"ustar", f"{tar}: its layer is not a plain tar")
        with tarfile.open(fileobj=io.BytesIO(content)) as inner:
            check({member.mtime for member in inner} == {0}, f"{tar}: its files have the times of a build")
        config = json.load(archive.extractfile(entry["Config"]))
    check(config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(content).hexdigest()], f"{tar}: its layer is not the one it names")


def check_config(program, arch, config):
    architecture, variant = PLATFORMS[arch]
    got = (config["os"], config["architecture"], config.get("variant"))
    check(got == ("linux", architecture, variant), f"the {arch} image says it is for {got}")
    inner = config["config"]
    check(inner["User"] == "65534:65534", f"the {arch} image runs as {inner['User']}")
    started = inner["Entrypoint"] + inner.get("Cmd", [])
    check(started == [f"/linelight-{program}", *COMMANDS[program]], f"the {arch} image starts {started}")
    check(config["created"].startswith("1970-01-01"), f"the {arch} image is dated {config['created']}")
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in inner["Labels"].items()}
    check(labels.keys() == {"title", "licenses", "version", "revision"}, f"the {arch} image is labelled {labels}")
    check(f'version = "{labels["version"]}"\n' in (ROOT / "Cargo.toml").read_text(), f"the {arch} image says it is {labels['version']}")
    check(re.fullmatch("[0-9a-f]{40}|unknown", labels["revision"]), f"the {arch} image is of the commit {labels['revision']}")


def check_contents(program, rootfs, binary):
    """The binary, the folders, and nothing else."""
    found = {str(path.relative_to(rootfs)): path for path in rootfs.rglob("*")}
    name = f"linelight-{program}"
    if set(found) != {name, *FOLDERS[program]}:
        raise Failed(f"the image holds {sorted(found)}")
    check(found[name].read_bytes() == binary.read_bytes(), f"{name} in the image is not {binary}")
    check(found[name].stat().st_mode & 0o7777 == 0o755, f"{name} in the image is not for all to run")
    for folder, owner in FOLDERS[program].items():
        check(found[folder].stat().st_uid == owner, f"{folder} in the image belongs to {found[folder].stat().st_uid}")
