"""What librouteros sees of the simulated router. It collects until !done, so of monitor-traffic it reads once and duration."""

import os
import socket
import ssl
import sys

from librouteros import connect
from librouteros.exceptions import FatalError, TrapError
from librouteros.login import plain, token
from librouteros.query import Key

DOWNLOAD, UPLOAD = 14_780_000, 2_100_000
failures = 0


def check(name, condition, seen=""):
    global failures
    failures += not condition
    print(f"{'ok    ' if condition else 'FAILED'} librouteros: {name}{'' if condition else f': {seen!r}'}")


def address(variable):
    host, port = os.environ[variable].rsplit(":", 1)
    return host, int(port)


def control(command, variable="NEW_CONTROL"):
    """Sends one line to the control port; its answer's lines."""
    with socket.create_connection(address(variable), timeout=10) as stream:
        stream.sendall(f"{command}\n".encode())
        lines = stream.makefile(encoding="utf-8")
        answer = []
        while (line := next(lines).rstrip("\n")).startswith("= "):
            answer.append(line[2:])
        assert line == "ok", f"{command}: {line}"
        return answer


def log_in(variable="NEW_API", method=plain, password=None, encoding="windows-1252", **options):
    host, port = address(variable)
    password = os.environ["PASSWORD"] if password is None else password
    return connect(host, "linelight", password, port=port, login_method=method, encoding=encoding, **options)


def trap_of(function):
    try:
        function()
    except TrapError as trap:
        return trap.message
    return None


def logins():
    check("new login", list(log_in().path("/system/identity")) == [{"name": "concentrator"}])
    message = trap_of(lambda: log_in(password="wrong"))
    check("a wrong password is refused", message == "invalid user name or password (6)", message)
    old = log_in("OLD_API", token)
    check("old login", list(old.path("/system/identity")) == [{"name": "concentrator"}])
    message = trap_of(lambda: log_in("OLD_API", token, password="wrong"))
    check("a wrong response is refused", message == "cannot log in", message)


def sessions(api):
    rows = list(api("/interface/pppoe-server/print", **{".proplist": ".id,name,user,running"}))
    check("sessions with a proplist", len(rows) == 6 and set(rows[0]) == {".id", "name", "user", "running"}, rows)
    check("dynamic ids and names", rows[0] == {".id": "*F00000", "name": "<pppoe-alice>", "user": "alice", "running": True}, rows[0])
    name, kind = Key("name"), Key("type")
    rows = list(api.path("/interface").select(name).where(kind == "ether"))
    check("a query", rows == [{"name": "ether1"}, {"name": "ether2"}], rows)
    rows = list(api.rawCmd("/interface/print", "=.proplist=name", "?type=ether", "?name=ether1", "?#!", "?#&"))
    check("a query with operations", rows == [{"name": "ether2"}], rows)
    check("nothing found", list(api.rawCmd("/interface/print", "?name=nowhere")) == [])
    message = trap_of(lambda: list(api("/nowhere/print")))
    check("a menu that is not there", message == "no such command prefix", message)


def is_alice(row):
    """A server's session sends what its subscriber downloads."""
    return (row["name"], row["tx-bits-per-second"], row["rx-bits-per-second"]) == ("<pppoe-alice>", DOWNLOAD, UPLOAD)


def traffic(api, title):
    rows = list(api("/interface/monitor-traffic", interface="<pppoe-alice>", once=""))
    check(f"{title}, once", len(rows) == 1 and is_alice(rows[0]), rows)
    rows = list(api("/interface/monitor-traffic", interface="*F00000", duration="3s"))
    sections = [row[".section"] for row in rows]
    check(f"{title}, by id for 3 s", sections == [0, 1, 2] and all(map(is_alice, rows)), rows)


def counters(api):
    """As the agent asks for them: every PPPoE interface, twice, and once after a reconnect."""
    query = ["=stats=", "?type=pppoe-in", "?type=pppoe-out", "?#|"]

    def carol():
        rows = api.rawCmd("/interface/print", "=.proplist=.id,name,rx-byte,tx-byte", *query)
        return next(row for row in rows if row["name"] == "<pppoe-carol>")

    control("up carol")
    control(f"rate carol {DOWNLOAD} {UPLOAD}")
    before = carol()
    check("counters with a proplist", set(before) == {".id", "name", "rx-byte", "tx-byte"}, before)
    list(api("/interface/monitor-traffic", interface="<pppoe-carol>", duration="2s"))
    after = carol()
    sent, received = (after[way] - before[way] for way in ("tx-byte", "rx-byte"))
    follow = sent > DOWNLOAD // 8 and 0.99 < sent / received / (DOWNLOAD / UPLOAD) < 1.01
    check("counters follow the rates", follow, (sent, received))
    control("down carol")
    control("up carol")
    again = carol()
    check("a reconnect counts anew under another id", again[".id"] != after[".id"] and again["tx-byte"] < after["tx-byte"], again)
    control("down carol")


def refusals(api):
    def monitor(**arguments):
        return trap_of(lambda: list(api("/interface/monitor-traffic", **arguments)))

    for arguments, expected in [
        ({"interface": "ether1,nowhere", "once": ""}, "input does not match any value of interface"),
        ({"interface": "ether1", "interval": "6"}, "value of interval is out of range"),
        ({"numbers": "0", "once": ""}, "unknown parameter numbers"),
        ({"once": ""}, "missing =interface="),
    ]:
        message = monitor(**arguments)
        check(f"refused: {expected}", message == expected, message)


def listening(api):
    """librouteros parses no tags, so its words are read as they are."""
    api.protocol.writeSentence("/interface/pppoe-server/listen", "=.proplist=.id,name,user", ".tag=10")
    while not any(" /interface/pppoe-server/listen" in line for line in control("streams")):
        pass
    [answer] = control("up newcomer")
    id, name = answer.split()
    seen = api.protocol.readSentence()
    check("listen tells a newcomer", seen == ("!re", (".tag=10", f"=.id={id}", f"=name={name}", "=user=newcomer")), seen)
    control("down newcomer")
    seen = api.protocol.readSentence()
    check("and the dead by id only", seen == ("!re", (".tag=10", f"=.id={id}", "=.dead=true")), seen)
    api.protocol.writeSentence("/cancel", "=tag=10", ".tag=20")
    seen = [api.protocol.readSentence() for _ in range(3)]
    trap = ("!trap", (".tag=10", "=category=2", "=message=interrupted"))
    check("cancel: a trap and two dones", seen == [trap, ("!done", (".tag=20",)), ("!done", (".tag=10",))], seen)


def tags_last(api):
    control("tags last")
    api.protocol.writeSentence("/system/identity/print", ".tag=5")
    seen = [api.protocol.readSentence() for _ in range(2)]
    check("a tag at the end", seen == [("!re", ("=name=concentrator", ".tag=5")), ("!done", (".tag=5",))], seen)
    control("tags behind")


def names():
    for encoding in ["windows-1252", "latin-1"]:
        api = log_in(encoding=encoding)
        rows = list(api.rawCmd("/ppp/secret/print", "=.proplist=name,comment", "?name=café"))
        check(f"names and comments in {encoding}", rows == [{"name": "café", "comment": "Café Zürich"}], rows)
        rows = list(api.rawCmd("/interface/pppoe-server/print", "=.proplist=user", "?user=café"))
        check(f"a session's name in {encoding}", rows == [{"user": "café"}], rows)


def tls():
    context = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
    wrapper = lambda plain: context.wrap_socket(plain, server_hostname="router.simulated")  # noqa: E731
    api = log_in("NEW_API_SSL", ssl_wrapper=wrapper)
    check("api-ssl", list(api.path("/system/identity")) == [{"name": "concentrator"}])


def quit(api):
    try:
        list(api("/quit"))
        check("quit", False, "no !fatal")
    except FatalError as fatal:
        check("quit", str(fatal) == "session terminated on request", fatal)


def main():
    for router in ["NEW_CONTROL", "OLD_CONTROL"]:
        control(f"rate alice {DOWNLOAD} {UPLOAD}", router)
    logins()
    api = log_in()
    sessions(api)
    traffic(api, "monitor-traffic")
    traffic(log_in("OLD_API", token), "monitor-traffic of the old router")
    refusals(api)
    listening(api)
    names()
    tls()
    control("misbehave piece 1")
    traffic(api, "monitor-traffic cut at every byte")
    control("behave")
    counters(api)
    tags_last(api)
    quit(api)
    figures = f"{UPLOAD} {DOWNLOAD} {DOWNLOAD} {UPLOAD}"
    samples = [line for line in control("samples") if " alice " in line]
    check("the router's own record agrees", samples and all(line.endswith(figures) for line in samples), samples)
    return failures > 0


sys.exit(main())
