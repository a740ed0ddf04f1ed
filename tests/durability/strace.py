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
import glob
import os
import re
import shutil
import sys
import tempfile
import threading

from client import Server, WebSocket, key_and_text, messages, sending

CALLS = "pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg"


# --- What the client does ---------------------------------------------------------------------------------------------

def talk(anser, folder, settings, environment):
    data = os.path.join(folder, "data")
    strace = ["--seccomp-bpf", "-ttt", "-T", "-y", "-s", "5000", "-e", f"trace={CALLS}"]
    server = Server(anser, data, ["-ff", *strace, "-o", os.path.join(folder, "first")], settings, environment)
    name, token, conversation = server.arrive()
    said = {}

    def new():
        key, text = key_and_text()
        said[text] = key
        return sending(key, text)

    def over_http(count):
        for _ in range(count):
            server.need("POST", messages(conversation), new(), token)

    threads = [threading.Thread(target=over_http, args=(10,), daemon=True) for _ in range(3)]
    acked, seen, sends = 0, 0, 60
    web = WebSocket(server.port, token)
    frames = web.frames()
    assert "welcome" in next(frames)
    for thread in threads:
        thread.start()
    for number in range(1, sends + 31):
        web.send({"request": {"id": number, "send": {"conversation_id": conversation, **new()}}})
        # The last ones are still on their way when the server is killed.
        while number % 8 == 0 and acked < min(number, sends):
            frame = next(frames)
            if "reply" in frame:
                assert "send" in frame["reply"], frame
                acked += 1
            elif "push" in frame:
                seen += 1
                web.send({"ack": {"push_no": frame["push"]["push_no"]}})
    for thread in threads:
        thread.join()
    server.kill()

    server = Server(anser, data, ["-ff", *strace, "-o", os.path.join(folder, "second")], settings, environment)
    token = server.login(name)
    again = [server.need("POST", messages(conversation), sending(key, text), token) for text, key in said.items()]
    history = server.need("GET", f"{messages(conversation)}?limit=200", None, token)
    assert len(history["items"]) >= len(said), "every message is there"
    server.kill()
    dups = sum(ack.get("dup", False) for ack in again)
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
        for server in list(Server.running):
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
        planted, never_syncs = os.path.abspath(sys.argv[2]), {"ANSER_PLANT": "synchronous_off"}
        run("planted synchronous=OFF: must be caught", planted, environment=never_syncs, caught=True)
    print("ok")
