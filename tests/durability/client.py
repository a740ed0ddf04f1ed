"""A server under strace, and as little of a client as it takes to talk to it: what the proofs here share."""

import base64
import json
import os
import secrets
import signal
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.request

SETTINGS = ["auth.hash_memory_kib=64", "auth.hash_passes=1", "limits.send_burst=10000", "limits.sends_per_second=10000",
            "limits.reads_per_second=0", "limits.writes_per_second=0", "limits.searches_per_second=0", "log.level=error"]
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
PASSWORD = "correct horse"


class Api:
    """What a server on a port of this machine answers over HTTP."""

    def __init__(self, port):
        self.port = port

    def is_ready(self):
        try:
            return self.http("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def http(self, method, path, body=None, token=None):
        """Status and answer; an error's answer is its problem document."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        request.add_header("content-type", "application/json")
        if token:
            request.add_header("authorization", f"Bearer {token}")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null") if path.startswith("/v1") else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null") if path.startswith("/v1") else None

    def need(self, *call):
        status, answer = self.http(*call)
        if status >= 300:
            raise SystemExit(f"{call[0]} {call[1]}: {status} {answer}")
        return answer

    def login(self, name):
        who = {"username": name, "password": PASSWORD, "device_id": "", "device_name": "strace", "platform": "test"}
        return self.need("POST", "/v1/sessions", who)["access_token"]

    def arrive(self):
        """Somebody with a group of their own: name, token, conversation."""
        name = f"alice{secrets.token_hex(4)}"
        self.need("POST", "/v1/users", {"username": name, "password": PASSWORD, "nickname": "Alice"})
        token = self.login(name)
        group = self.need("POST", "/v1/conversations", {"title": "strace", "member_ids": []}, token)
        return name, token, (group.get("conversation") or group)["conversation_id"]


class Server(Api):
    """One process under strace. strace ends with it, and with its exit code."""

    running = []

    def __init__(self, anser, data, strace, settings=(), environment=None, ready=True):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            super().__init__(free.getsockname()[1])
        sets = [word for setting in [*SETTINGS, *settings] for word in ("--set", setting)]
        serve = [anser, "serve", "--data-dir", data, "--listen", f"127.0.0.1:{self.port}", *sets]
        self.process = subprocess.Popen(["strace", "-f", *strace, *serve], env={**os.environ, **(environment or {})},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        Server.running.append(self)
        until = time.monotonic() + 60
        while ready and not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the server does not get ready: {self.ended()}")
            time.sleep(0.05)

    def kill(self):
        """As a crash does: the server, not its tracer, which writes down the end and goes too."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            for pid in children.read().split():
                os.kill(int(pid), signal.SIGKILL)
        self.ended()

    def ended(self):
        """Waits for the end; the exit code and the last words."""
        try:
            said = self.process.communicate(timeout=60)[1]
        except subprocess.TimeoutExpired:
            raise SystemExit("the server does not end")
        if self in Server.running:
            Server.running.remove(self)
        return self.process.returncode, said


class WebSocket:
    """As little of RFC 6455 as it takes; frames are JSON."""

    def __init__(self, port, token):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self.socket.sendall((f"GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                             f"Sec-WebSocket-Protocol: anser.v1.json\r\n\r\n").encode())
        self.stream = self.socket.makefile("rb")
        if b"101" not in self.stream.readline():
            raise SystemExit("no WebSocket")
        while self.stream.readline().strip():
            pass
        self.send({"hello": {"access_token": token}})

    def send(self, frame):
        data = json.dumps(frame).encode()
        mask = secrets.token_bytes(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BH", 0x80 | 126, len(data))
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self.socket.sendall(b"\x81" + length + mask + masked)

    def frames(self):
        while True:
            head = self.stream.read(2)
            if len(head) < 2:
                return
            length = head[1] & 0x7F
            if length >= 126:
                length = int.from_bytes(self.stream.read(2 if length == 126 else 8), "big")
            data = self.stream.read(length)
            if head[0] & 0x0F == 1:
                yield json.loads(data)


def key_and_text():
    """A new message's key (a UUIDv7 as text), and a text that no other message has."""
    number = (int(time.time() * 1000) << 80) | (7 << 76) | secrets.randbits(76) & ~(3 << 62) | (2 << 62)
    key = "".join(BASE32[((number << 2) >> (125 - 5 * at)) & 31] for at in range(26))
    return key, f"marker-{secrets.token_hex(12)}-marker"


def sending(key, text):
    return {"client_msg_id": key, "content": {"text": {"text": text}}}


def messages(conversation):
    return f"/v1/conversations/{conversation}/messages"
