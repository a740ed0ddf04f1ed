"""What schemathesis does not know by itself: who is logged in, and which ids lead to something.

Generated ids are well formed and lead nowhere, so most of them are replaced by ids that are there. Requests that are meant to
be right are also given what a schema cannot say: names that are not empty, messages of kinds that people send. Those that
are meant to be wrong stay wrong. The choices depend on the generated values alone: a seed gives the same run.
"""

import json
import os
import re
import time
import urllib.request
import zlib

import schemathesis

BASE = os.environ["ANSER_URL"]
LOGIN = json.loads(os.environ["ANSER_LOGIN"])
THINGS = json.loads(os.environ["ANSER_THINGS"])

ID = re.compile(r"[0-9a-hjkmnp-tv-z]{25}[048cgmrw]")
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
SEQS = 12


def log_in():
    request = urllib.request.Request(f"{BASE}/v1/sessions", json.dumps(LOGIN).encode(), method="POST")
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["access_token"]


class Session:
    token = log_in() if LOGIN else None


if LOGIN:

    @schemathesis.auth(refresh_interval=None)
    class Bearer:
        def get(self, case, context):
            return Session.token

        def set(self, case, data, context):
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {Session.token}"}


@schemathesis.hook
def after_call(context, case, response):
    """The generated requests may log out; the next one comes from a new session."""
    if LOGIN and case.method == "DELETE" and "/sessions/" in case.path and response.status_code == 204:
        Session.token = log_in()


@schemathesis.hook
def before_call(context, case, kwargs):
    case.path_parameters = {name: real(name, value) for name, value in (case.path_parameters or {}).items()}
    case.query = {name: real(name, value) for name, value in (case.query or {}).items()}
    if isinstance(case.body, (dict, list)):
        case.body = real("", case.body)
    if case.meta is not None and case.meta.generation.mode.is_positive:
        case.query = {name: acceptable(name, value) for name, value in case.query.items()}
        if "after_seq" in case.query:
            case.query.pop("before_seq", None)
        if isinstance(case.body, dict):
            case.body = acceptable("", case.body)


NAMES = ("title", "name", "nickname", "username")
SENT = {"text", "custom", "location", "card"}


def acceptable(name, value):
    """The value, or one that the server takes in its place."""
    if name == "content" and isinstance(value, dict) and not SENT & value.keys():
        return {"text": {"text": "words"}}
    if isinstance(value, dict):
        value = {inner: acceptable(inner, held) for inner, held in value.items()}
        if "seqs" in value:
            value |= {"client_msg_ids": [new_id(zlib.crc32(repr(value).encode()))], "seqs": [1]}
        return value
    if isinstance(value, list):
        return [acceptable("", held) for held in value] or acceptable_list(name)
    if isinstance(value, str):
        if name in NAMES and (not value.strip() or not value.isprintable()):
            return f"name {zlib.crc32(value.encode(errors='replace'))}"
        return {"unspecified": "everyone"}.get(value, value) if name in ("find_me", "request_me") else value
    if type(value) is int and value <= 0 and name.endswith(("_seq", "_ms")):
        return -value % 100_000 + 1
    return value


def acceptable_list(name):
    lists = {"user_ids": THINGS.get("user_id", [])[:1], "ranges": [{"from_seq": 1, "to_seq": 2}],
             "items": [{"conversation_id": held, "after_seq": 0} for held in THINGS.get("conversation_id", [])[:1]]}
    return lists.get(name, [])


def real(name, value):
    if isinstance(value, dict):
        return {inner: real(inner, held) for inner, held in value.items()}
    if isinstance(value, list):
        return [real(name.removesuffix("s"), held) for held in value]
    if isinstance(value, str) and ID.fullmatch(value):
        return real_id(name, value)
    if name in ("seq", "read_seq", "after_seq", "before_seq") and type(value) is int and value > SEQS:
        return value % SEQS + 1
    return value


def real_id(name, value):
    chance = zlib.crc32(value.encode())
    if name == "client_msg_id":
        return new_id(chance)
    known = THINGS.get(name, [])
    return known[chance // 8 % len(known)] if known and chance % 8 else value


def new_id(chance):
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + chance.to_bytes(4, "big") + bytes(6))
    raw[6], raw[8] = raw[6] & 15 | 0x70, raw[8] & 63 | 0x80
    number = int.from_bytes(raw, "big") << 2
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
