"""Writes the seeds of the fuzz targets into a folder, one folder for each target: the golden files of shared/golden, a few
lawful inputs where a target has no golden file, and what people met with tokens and subscribers files.

Usage: fuzz/seeds.py FOLDER
"""

import base64
import hashlib
import hmac
import json
import struct
import sys
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent.parent / "shared/golden"
# The key of fuzz/src/tokens.rs, and a time after the one that links are judged at there.
KEY = b"a key for fuzzing, of 32 bytes.."
LATER = 1_900_000_000


def sentence(*words):
    """A RouterOS sentence of short words."""
    return b"".join(bytes([len(word)]) + word for word in words) + b"\0"


def monitor_row(section, received, sent):
    return sentence(b"!re", b".tag=7", b"=name=<pppoe-4446>", b"=rx-bits-per-second=" + received,
                    b"=tx-bits-per-second=" + sent, b"=.section=" + section)


SENTENCES = {
    "login": sentence(b"!done"),
    "sessions": sentence(b"!re", b".tag=3", b"=.id=*F00001", b"=name=<pppoe-4446@karoo>", b"=user=4446@karoo",
                         b"=uptime=2d01:22:53") + sentence(b"!done", b".tag=3"),
    "client": sentence(b"!re", b"=.id=*A", b"=name=caf\xe9", b"=dead=true", b"=uptime=1w2d3h4m5s250ms", b".tag=3"),
    "monitor": monitor_row(b"0", b"27.8kbps", b"1.25Mbps") + monitor_row(b"1", b"14780000", b"620000"),
    "trap": sentence(b"!trap", b".tag=9", b"=category=1", b"=message=no such item") + sentence(b"!done", b".tag=9"),
    "fatal": sentence(b"!fatal", b"session terminated on request"),
    "empty": b"\0\0" + sentence(b"!empty", b".tag=4") + sentence(b"!done", b".tag=4"),
    "long": bytes([0x80, 0x90]) + b"=" + b"x" * 143 + b"\0",
    "reserved": sentence(b"!re") + b"\xf8",
}


def client_frame(first, payload, masked=True, mask=b"\x01\x02\x03\x04"):
    """A WebSocket frame as a browser sends it."""
    bit = 0x80 if masked else 0
    size = bytes([bit | len(payload)]) if len(payload) < 126 else bytes([bit | 126]) + struct.pack(">H", len(payload))
    if not masked:
        return bytes([first]) + size + payload
    return bytes([first]) + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


WATCH = client_frame(0x81, b'{"type":"watch","username":"4446@karoo.example"}')
FRAMES = {
    "watch": WATCH,
    "pong": WATCH + client_frame(0x8A, b""),
    "ping": client_frame(0x89, b"abc") + client_frame(0x82, b"\0\1"),
    "close": client_frame(0x88, struct.pack(">H", 1000) + "früh".encode()),
    "close-empty": client_frame(0x88, b""),
    "close-forbidden": client_frame(0x88, struct.pack(">H", 1005)),
    "long": client_frame(0x81, b"x" * 300),
    "unmasked": client_frame(0x81, b"abc", masked=False),
    "fragments": client_frame(0x01, b"{") + client_frame(0x80, b"}"),
    "reserved": client_frame(0xC1, b"abc"),
    "not-text": client_frame(0x81, b"\xff\xfe"),
}


def part(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def token(header, claims):
    signed = part(header) + b"." + part(claims)
    return signed + b"." + part(hmac.digest(KEY, signed, hashlib.sha256))


HEADER = {"alg": "HS256", "typ": "JWT", "kid": "fuzz"}
CLAIMS = {"aud": "linelight:line", "sub": "4446@karoo.example", "exp": LATER}
TOKENS = {
    "link": token(HEADER, CLAIMS),
    "link-of-none": token({"alg": "none"}, CLAIMS),
    "claims": json.dumps(CLAIMS).encode(),
    "claims-several": json.dumps({**CLAIMS, "aud": ["other", "linelight:line"], "nbf": 1, "iat": 1.5}).encode(),
    "claims-bytes": json.dumps({**CLAIMS, "sub": "caf%E9"}).encode(),
    "both": json.dumps(HEADER).encode() + b"\n" + json.dumps(CLAIMS).encode(),
    "both-critical": json.dumps({**HEADER, "crit": ["exp"]}).encode() + b"\n" + json.dumps(CLAIMS).encode(),
    "both-other": b'{"alg":"HS512"}\n' + json.dumps(CLAIMS).encode(),
}
# Headers and claims as portals get them wrong.
HEADERS = {
    "kid-number": {**HEADER, "kid": 1}, "kid-null": {**HEADER, "kid": None}, "kid-other": {**HEADER, "kid": "old"},
    "kid-absent": {"alg": "HS256"}, "nested": {**HEADER, "cty": "JWT"}, "lower-case": {"alg": "hs256"},
}
WRONG = {
    "sub-number": {"sub": 4446}, "sub-fraction": {"sub": 4446.5}, "sub-negative": {"sub": -1}, "sub-null": {"sub": None},
    "sub-list": {"sub": ["ali"]}, "sub-object": {"sub": {"name": "ali"}}, "sub-empty": {"sub": ""}, "sub-percent": {"sub": "50%"},
    "exp-text": {"exp": "1900000000"}, "exp-date": {"exp": "2030-01-01"}, "exp-null": {"exp": None}, "exp-true": {"exp": True},
    "exp-milliseconds": {"exp": LATER * 1_000}, "exp-microseconds": {"exp": LATER * 1_000_000}, "exp-fraction": {"exp": LATER + 0.5},
    "exp-huge": {"exp": 1e308}, "exp-negative": {"exp": -1}, "exp-largest": {"exp": 2**64 - 1},
    "aud-array": {"aud": ["linelight:line"]}, "aud-number": {"aud": 7}, "aud-empty": {"aud": []}, "aud-other": {"aud": "linelight"},
    "nbf-text": {"nbf": "soon"}, "nbf-late": {"nbf": LATER}, "iat-text": {"iat": "now"}, "jti-number": {"jti": 7},
}


def links():
    """Tokens in spoilt links, headers and claims."""
    cases = json.loads((GOLDEN / "links/spoilt.json").read_text())["cases"]
    link = TOKENS["link"].decode()
    parts = dict(zip(("header", "claims", "signature"), link.split(".")), token=link)
    seeds = {}
    for at, case in enumerate(cases):
        text = case["text"]
        for name, value in parts.items():
            text = text.replace("{" + name + "}", value)
        seeds[f"spoilt-{at}"] = text.encode()
    claims = json.dumps(CLAIMS).encode()
    seeds |= {f"header-{name}": json.dumps(header).encode() + b"\n" + claims for name, header in HEADERS.items()}
    seeds |= {f"claims-{name}": json.dumps({**CLAIMS, **wrong}).encode() for name, wrong in WRONG.items()}
    seeds |= {f"claims-no-{name}": json.dumps({k: v for k, v in CLAIMS.items() if k != name}).encode() for name in CLAIMS}
    return seeds


TABLE = 'username,customer,package,download,upload\nali,"Baba, Ali",Fibre 50/10,50M,10 Mbps\nbob,,,,\nali,twice,,,\n'
FILES = {
    "plain": TABLE.encode(),
    "semicolons": TABLE.replace(",", ";").encode(),
    "tabs": b"PPPoE user\tClient\tPlan\tDownload (Mbps)\nali\tAli\tHome\t50\n",
    "bom": b"\xef\xbb\xbf" + TABLE.encode(),
    "utf-16": b"\xff\xfe" + TABLE.encode("utf-16-le"),
    "windows-1252": b"username,customer\ncaf%E9,Jos\xe9\ncaf\xe9,twice\n",
    "shifted": b"username,customer\nali,Baba, Ali\n,nobody\n",
    "no-username": b"a,b\n1,2\n",
    "quoted": b'"user\nname",login\n"a\n\n",b\n',
    "quote-open": b'username,customer,download,upload\nuser1,"Uno,Fibre,50M,10M\nuser2,Due,50M,10M\nuser3,Tre,50M,10M\n',
    "quote-open-last": b'username,customer\nali,Ali\nbob,"Bob\n',
    "quote-text-behind": b'username,customer\nali,"Shop" 12\nbob,Bob\n',
    "quotes-not-escaped": b'"username","customer","package"\n"a","Shop 12"","Street 1"\n"b","The "best" shop","50M"\n',
    "quotes-by-backslash": b'"username","customer"\n"a","Shop \\"12\\""\n',
    "line-break": b'username,customer\nali,"Ali\nBaba"\nbob,Bob\n',
    "two-readings": b'username,download,upload\nali,"10,240k","1.024k"\nbob,"1,234,567","10.000"\n',
    "kilobits": b'username,"download (kbit/s)",upload (Mbit/s)\nali,"10,240","1,5"\n',
    "limits": "username,download,upload\na,10M/20M,\nb,50 Mbits/s,.5M\nc,NULL,\\N\nd,50\u00a0M,1e6\ne,\u0665\u0660M,10 Mo/s\n".encode(),
    "limits-windows-1252": b"username;customer;download\ncaf\xe9;Caf\xe9;50\xa0Mbit/s\n",
    "pair": b'username;down/up\nali;10M/20M\nbob;10M\n',
    "sep": b"sep=;\nusername;customer\nali;Ali\n",
    "sep-quoted": b'"sep=\t"\nusername\tcustomer\nali\tAli\n',
    "two-usernames": b"username,pppoe_username,name\n1,ali,Ali\n",
    "same-meaning": b"username,login,customer,client\n1,1,Ali,Ali\n",
    "windows-1251": "логин;username;клиент\n1;али;Али Баба\n".encode("windows-1251"),
    "numbers": b'username,customer\n="4446",Ali\n\'4447,Bob\n4448.0,Eve\n4449  ,Fay\n4.4E+03,Gus\n',
    "utf-16-be": b"\xfe\xff" + TABLE.encode("utf-16-be"),
    "utf-16-bare": TABLE.encode("utf-16-le"),
    "carriage-returns": TABLE.replace("\n", "\r").encode(),
    "zero-bytes": b"username,customer\nali,A\0li\n",
}

NAMES = {"plain": b"4446@karoo.example", "windows-1252": b"caf\xe9", "percent": b"50%25%", "utf-8": "é\0".encode()}


def golden(folder):
    files = sorted((GOLDEN / folder).glob("*.json"))
    assert files, f"no golden file in {GOLDEN / folder}"
    return {file.stem: file.read_bytes() for file in files}


def main(folder):
    framed = {name: value for name, value in SENTENCES.items()}
    batches = {name: bytes.fromhex(json.loads(text)["hex"]) for name, text in golden("samples").items()}
    seeds = {
        # Where the first byte is the length of the pieces, once one byte at a time and once many.
        "framing": {f"{name}-{piece}": bytes([piece]) + value for name, value in framed.items() for piece in (0, 63)},
        "sentences": framed,
        "control": golden("control") | golden("viewer"),
        "samples": batches,
        "websocket": {f"{name}-{piece}": bytes([piece]) + value for name, value in FRAMES.items() for piece in (0, 63)},
        "tokens": TOKENS | links(),
        "subscribers": FILES,
        "usernames": NAMES,
    }
    for target, values in seeds.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            (folder / target / f"seed-{name}").write_bytes(value)


main(Path(sys.argv[1]))
