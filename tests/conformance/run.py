#!/usr/bin/env python3
"""Whether the server does what its API document says: schemathesis makes requests from the document, right ones and
wrong ones, as three principals, and compares each answer with it.

    run.py [ANSER] [--seconds 40] [--seed N]     seconds for each principal; exit code 0: nothing found

The principals: the owner of a group, with friends, links, requests and messages; a plain member of it; and nobody.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "target"
SCHEMATHESIS = TARGET / "conformance" / "bin" / "schemathesis"
PASSWORD = "correct horse"
# The requests come from one address as fast as they can. Whether limits answer as documented is shown by the black-box suite.
SETTINGS = ["auth.hash_memory_kib=64", "auth.hash_passes=1", "auth.access_token_s=86400", "messaging.keep_versions=true",
            "limits.logins_per_minute_per_ip=1000000", "limits.logins_per_minute_per_name=1000000",
            "limits.registrations_per_minute_per_ip=1000000", "limits.friend_requests_per_day=100000",
            "limits.profile_changes_per_hour=100000", "limits.sends_per_second=1000000", "limits.send_burst=1000000",
            "limits.public_per_second=0", "limits.reads_per_second=0", "limits.writes_per_second=0",
            "limits.searches_per_second=0", "limits.speech_per_second=0", "limits.sessions_per_second=0",
            "limits.conversations=1000000", "limits.sessions=1000", "gateway.handshakes_per_second=1000000", "log.level=warn"]


class Server:
    def __init__(self, anser, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        sets = [word for setting in SETTINGS for word in ("--set", setting)]
        serve = [anser, "serve", "--data-dir", f"{folder}/data", "--listen", self.url.removeprefix("http://"), *sets]
        self.log = open(f"{folder}/log", "w+")
        self.process = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=self.log)
        until = time.monotonic() + 60
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit(f"the server does not get ready: {open(self.log.name).read()}")
            time.sleep(0.05)

    def is_ready(self):
        try:
            return urllib.request.urlopen(f"{self.url}/readyz", timeout=5).status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Person:
    def __init__(self, server, name):
        self.server, self.token = server, None
        self.login = {"username": name, "password": PASSWORD}
        self.id = self.call("POST", "/v1/users", {**self.login, "nickname": name.title()})["user_id"]
        answer = self.call("POST", "/v1/sessions", self.login)
        self.token, self.session = answer["access_token"], answer["session_id"]

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.server.url + path, method=method)
        request.add_header("content-type", "application/json")
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, None if body is None else json.dumps(body).encode(), 30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")

    def befriends(self, other):
        request = self.asks(other)
        return other.call("POST", f"/v1/friend-requests/{request}:accept")["request"]["conversation_id"]

    def asks(self, other):
        asked = self.call("POST", "/v1/friend-requests", {"to_user_id": other.id, "message": "it is me"})
        return asked["request"]["request_id"]

    def says(self, conversation, text):
        message = {"client_msg_id": new_id(), "content": {"text": {"text": text}}}
        return self.call("POST", f"/v1/conversations/{conversation}/messages", message)["seq"]


def new_id():
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    raw[6], raw[8] = raw[6] & 15 | 0x70, raw[8] & 63 | 0x80
    number = int.from_bytes(raw, "big") << 2
    return "".join("0123456789abcdefghjkmnpqrstvwxyz"[number >> shift & 31] for shift in range(125, -1, -5))


def furnish(server):
    """Three people with a little of everything, and its ids by the names that the document gives them."""
    owner, member, friend = (Person(server, name) for name in ("olivia", "mary", "frank"))
    direct, other_direct = owner.befriends(member), owner.befriends(friend)
    group = owner.call("POST", "/v1/conversations", {"title": "walks", "member_ids": [member.id, friend.id]})
    group = group["conversation_id"]
    other_group = member.call("POST", "/v1/conversations", {"title": "hikes", "member_ids": [owner.id]})["conversation_id"]
    for number in range(6):
        for person, conversation in [(owner, group), (member, group), (owner, direct), (member, other_group)]:
            person.says(conversation, f"message {number}")
    message = f"/v1/conversations/{group}/messages/{owner.says(group, 'words')}"
    owner.call("PATCH", message, {"content": {"text": {"text": "better words"}}})
    owner.call("PUT", f"{message}/reactions/%F0%9F%91%8D")
    owner.call("PUT", f"{message}/pin")
    link = owner.call("POST", f"/v1/conversations/{group}/links", {})
    category = owner.call("POST", "/v1/friend-categories", {"name": "walkers"})
    member.call("POST", "/v1/friend-categories", {"name": "hikers"})
    groups = [owner.call("POST", "/v1/conversations", {"title": f"walk {number}", "member_ids": [member.id]})
              for number in range(6)]
    strangers = [Person(server, f"stranger-{number}") for number in range(4)]
    owner.call("POST", f"/v1/conversations/{group}/members", {"user_ids": [strangers[0].id]})
    owner.call("PUT", f"/v1/blocks/{strangers[3].id}")
    owner.call("PATCH", f"/v1/conversations/{group}", {"approval": True})
    strangers[1].call("POST", "/v1/join-links:join", {"code": link["code"], "message": "let me in"})
    requests = [strangers[1].asks(owner), strangers[2].asks(member), owner.asks(strangers[2])]
    conversations = [group, direct, other_group, other_direct, *(made["conversation_id"] for made in groups)]
    things = {"conversation_id": conversations, "link_id": [link["link_id"]],
              "user_id": [person.id for person in [owner, member, friend, *strangers]],
              "request_id": requests, "session_id": [strangers[0].session], "category_id": [category["category_id"]]}
    things |= {"from_conversation_id": things["conversation_id"], "to_user_id": things["user_id"],
               "member_id": things["user_id"]}
    return {"owner": owner.login, "member": member.login, "nobody": None}, things


def conformance(server, principal, login, things, seconds, seed):
    print(f"== as {principal}", flush=True)
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "ANSER_URL": server.url,
                   "ANSER_LOGIN": json.dumps(login), "ANSER_THINGS": json.dumps(things)}
    command = [SCHEMATHESIS, "--config-file", HERE / "schemathesis.toml", "run", f"{server.url}/openapi.json",
               "--seed", str(seed), "--max-time", str(seconds)]
    return subprocess.run([*map(str, command)], env=environment, cwd=TARGET / "conformance").returncode == 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("anser", nargs="?", default=str(TARGET / "debug" / "anser"))
    arguments.add_argument("--seconds", type=int, default=40)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments.add_argument("--only", help="one principal")
    chosen = arguments.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="anser-conformance-")
    server = Server(chosen.anser, folder)
    try:
        principals, things = furnish(server)
        good = all([conformance(server, name, login, things, chosen.seconds, chosen.seed)
                    for name, login in principals.items() if chosen.only in (None, name)])
        if server.process.poll() is not None:
            print("the server ended")
            good = False
    finally:
        server.stop()
        shutil.rmtree(folder)
    sys.exit(0 if good else 1)


main()
