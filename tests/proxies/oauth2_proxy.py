"""What oauth2-proxy answers to nginx, for whom its cookie names: --set-xauthrequest=true --upstream=static://202.

Usage: oauth2_proxy.py PORT. The cookie is the person's address in the clear; whether a cookie is genuine is not the question here.
"""

import sys
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        address = urlsplit(self.path)
        if address.path == "/oauth2/start":
            wanted = parse_qs(address.query).get("rd", ["/"])[0]
            return self.answer(302, {"Location": f"https://login.example.net/?rd={wanted}"})
        person = SimpleCookie(self.headers.get("Cookie", "")).get("_oauth2_proxy")
        if address.path != "/oauth2/auth" or person is None:
            return self.answer(401, {})
        name = person.value
        return self.answer(202, {"X-Auth-Request-User": name.split("@")[0], "X-Auth-Request-Email": name})

    def answer(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
