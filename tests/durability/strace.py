#!/usr/bin/env python3
"""No acknowledgement before the fsync that covers it, seen from outside: the server runs under strace.

A client sends over HTTP and over WebSocket, many at once; the server is killed in the middle and started again; the
client retries and reads. Then the system calls are put in order. Every text has a marker that no other has, so that
its page is found in the writes of the log (anser.db-wal). From there: the commit's last page, the first sync that
began after it, and every write to a socket that carries the marker or the message's key. None may begin before that
sync has ended. After the restart none may begin before the first sync of the log at all.

That the check can fail is part of the check: a server that does not wait for the disk must be caught.

    strace.py [ANSER [PLANTED]]      exit code 0: all as it must be

PLANTED is a build with planted faults: with synchronous=OFF planted it must be caught too.
"""

import ast
import base64
import glob
import json
import os
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

CALLS = "pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg"
SETTINGS = ["auth.hash_memory_kib=64", "auth.hash_passes=1", "limits.send_burst=10000", "limits.sends_per_second=10000"]
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"


# --- The server, traced -----------------------------------------------------------------------------------------------

class Traced:
    running = []

    def __init__(self, anser, data, trace, settings, environment):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        sets = [word for setting in SETTINGS + settings for word in ("--set", setting)]
        self.strace = subprocess.Popen(
            ["strace", "-ff", "--seccomp-bpf", "-ttt", "-T", "-y", "-s", "5000", "-e", f"trace={CALLS}", "-o", trace,
             anser, "serve", "--data-dir", data, "--listen", f"127.0.0.1:{self.port}", *sets],
            stdout=subprocess.DEVNULL, env={**os.environ, **environment})
        Traced.running.append(self)
        for _ in range(600):
            try:
                if self.http("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit("the server does not get ready")

    def kill(self):
        """As a crash does: the server, not its tracer, which writes down the end and goes too."""
        with open(f"/proc/{self.strace.pid}/task/{self.strace.pid}/children") as children:
            for pid in children.read().split():
                os.kill(int(pid), signal.SIGKILL)
        self.strace.wait()
        Traced.running.remove(self)

    def http(self, method, path, body=None, token=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        request.add_header("content-type", "application/json")
        if token:
            request.add_header("authorization", f"Bearer {token}")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null") if path.startswith("/v1") else None
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def need(self, *call):
        status, answer = self.http(*call)
        if status >= 300:
            raise SystemExit(f"{call[0]} {call[1]}: {status} {answer}")
        return answer


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
        self.socket.sendall(b"\x81" + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))

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


def uuid7_text():
    number = (int(time.time() * 1000) << 80) | (7 << 76) | secrets.randbits(76) & ~(3 << 62) | (2 << 62)
    return "".join(BASE32[((number << 2) >> (125 - 5 * at)) & 31] for at in range(26))


# --- What the client does ---------------------------------------------------------------------------------------------

def message(conversation, said):
    key, text = uuid7_text(), f"marker-{secrets.token_hex(12)}-marker"
    said[text] = key
    return {"conversation_id": conversation, "client_msg_id": key, "content": {"text": {"text": text}}}


def login(server, name):
    body = {"username": name, "password": "correct horse", "device_id": "", "device_name": "strace", "platform": "test"}
    return server.need("POST", "/v1/sessions", body)["access_token"]


def talk(anser, folder, settings, environment):
    data, said = os.path.join(folder, "data"), {}
    server = Traced(anser, data, os.path.join(folder, "first"), settings, environment)
    name = f"alice{secrets.token_hex(4)}"
    server.need("POST", "/v1/users", {"username": name, "password": "correct horse", "nickname": "Alice"})
    token = login(server, name)
    group = server.need("POST", "/v1/conversations", {"title": "strace", "member_ids": []}, token)
    conversation = (group.get("conversation") or group)["conversation_id"]
    path = f"/v1/conversations/{conversation}/messages"

    def over_http(count):
        for _ in range(count):
            send = message(conversation, said)
            server.need("POST", path, {key: send[key] for key in ("client_msg_id", "content")}, token)

    threads = [threading.Thread(target=over_http, args=(10,), daemon=True) for _ in range(3)]
    acked, seen, sends = 0, 0, 60
    web = WebSocket(server.port, token)
    frames = web.frames()
    assert "welcome" in next(frames)
    for thread in threads:
        thread.start()
    for number in range(1, sends + 1):
        web.send({"request": {"id": number, "send": message(conversation, said)}})
        if number % 8 == 0:
            while acked < number:
                frame = next(frames)
                if "reply" in frame:
                    assert "send" in frame["reply"], frame
                    acked += 1
                if "push" in frame:
                    seen += 1
                    web.send({"ack": {"push_no": frame["push"]["push_no"]}})
    for thread in threads:
        thread.join()
    # Killed with sends on the way.
    for number in range(sends + 1, sends + 31):
        web.send({"request": {"id": number, "send": message(conversation, said)}})
    server.kill()

    server = Traced(anser, data, os.path.join(folder, "second"), settings, environment)
    token = login(server, name)
    dups = 0
    for text, key in list(said.items()):
        ack = server.need("POST", path, {"client_msg_id": key, "content": {"text": {"text": text}}}, token)
        dups += ack.get("dup", False)
    history = server.need("GET", f"{path}?limit=200", None, token)
    assert len(history["items"]) >= min(200, len(said)), "every message is there"
    server.kill()
    print(f"  {len(said)} messages, {acked} acks and {seen} pushes over WebSocket, {dups} repeated after the restart")
    return said


# --- What the system calls say ----------------------------------------------------------------------------------------

LINE = re.compile(r"^(\d+\.\d+) (\w+)\((\d+)<([^>]*)>(.*) = (-?\d+).* <(\d+\.\d+)>$")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def calls(prefix):
    """All calls of all threads, in the order of their beginning: (begun, ended, name, file, bytes, answer)."""
    found = []
    for path in glob.glob(prefix + ".*"):
        with open(path, encoding="latin-1") as lines:
            for line in lines:
                if match := LINE.match(line):
                    begun, name, _, file, rest, answer, took = match.groups()
                    content = b"".join(ast.literal_eval(f'b"{text}"') for text in STRING.findall(rest))
                    found.append((float(begun), float(begun) + float(took), name, file, content, int(answer)))
    return sorted(found)


def log_of(events):
    """The log's frames (ended, is the commit's last, page) and syncs (begun, ended)."""
    frames, syncs, header = [], [], None
    for begun, ended, name, file, content, answer in events:
        if not file.endswith("/anser.db-wal"):
            continue
        if name == "pwrite64" and len(content) == 24:
            header = content
        elif name == "pwrite64" and header is not None:
            frames.append((ended, header[4:8] != b"\0\0\0\0", content))
        elif name in ("fsync", "fdatasync") and answer == 0:
            syncs.append((begun, ended))
    return frames, syncs


def told(events, words):
    """When the words began to leave through a socket, each time."""
    return [begun for begun, _, _, file, content, _ in events
            if "socket:" in file and any(word in content for word in words)]


def durable_at(frames, syncs, marker):
    for at, (_, _, page) in enumerate(frames):
        if marker in page:
            committed = next((ended for ended, last, _ in frames[at:] if last), float("inf"))
            return min((ended for begun, ended in syncs if begun >= committed), default=float("inf"))
    return float("inf")


def check(folder, said):
    """Answers how many times something was told, and how many of them too early."""
    first, second = calls(os.path.join(folder, "first")), calls(os.path.join(folder, "second"))
    frames, syncs = log_of(first)
    count = early = 0
    for text, key in said.items():
        durable = durable_at(frames, syncs, text.encode())
        for begun in told(first, [text.encode(), key.encode()]):
            count += 1
            early += begun < durable
    settled = min((ended for _, ended in log_of(second)[1]), default=float("inf"))
    after = told(second, [word.encode() for pair in said.items() for word in pair])
    print(f"  {len(frames)} pages and {len(syncs)} syncs of the log; told {count} times, {early} too early; "
          f"after the restart {len(after)} times, {sum(begun < settled for begun in after)} too early")
    return count + len(after), early + sum(begun < settled for begun in after)


def run(what, anser, settings=(), environment=None, caught=False):
    print(what)
    folder = tempfile.mkdtemp(prefix="anser-strace-")
    try:
        said = talk(anser, folder, list(settings), environment or {})
        count, early = check(folder, said)
    finally:
        for server in list(Traced.running):
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    if count < 100:
        raise SystemExit("too little was seen for a proof")
    if caught and early < 50:
        raise SystemExit("a server that does not wait for the disk was not caught")
    if not caught and early:
        raise SystemExit("something was told before it was durable")


if __name__ == "__main__":
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/debug/anser")
    run("durable: nothing is told before its sync", binary)
    run("not durable: must be caught", binary, settings=["store.durability=normal"], caught=True)
    if len(sys.argv) > 2:
        planted = os.path.abspath(sys.argv[2])
        run("planted synchronous=OFF: must be caught", planted, environment={"ANSER_PLANT": "synchronous-off"}, caught=True)
    print("ok")
