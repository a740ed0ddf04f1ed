#!/usr/bin/env python3
"""A client of Anser by somebody who has read docs/protocol.md and docs/api.md and nothing else: standard library only,
no generated code. `client.py URL` makes two people and lets them talk in both encodings; it exits 0 if all is well."""
import base64, json, os, socket, struct, sys, time, urllib.request
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # ids: 16 bytes, in text 26 characters of Crockford's base32

def id_text(raw):
    number = int.from_bytes(raw, "big") << 2
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))

def id_bytes(text):
    return (sum(ALPHABET.index(text[25 - place]) << 5 * place for place in range(26)) >> 2).to_bytes(16, "big")

def new_id():  # UUIDv7: 48 bits of milliseconds, then version, variant and chance
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    raw[6], raw[8] = raw[6] & 15 | 0x70, raw[8] & 63 | 0x80
    return id_text(raw)

# Protobuf by hand: message -> field number -> (name, kind). Kinds: n number, s text, d id, *X many X, else a message.
MESSAGES = {
    "ClientFrame": {1: ("hello", "Hello"), 2: ("request", "Request"), 3: ("ack", "Ack")},
    "Hello": {1: ("access_token", "s"), 4: ("resume", "s")},
    "Request": {1: ("id", "n"), 3: ("send", "Send"), 4: ("sync_heads", "Since"), 5: ("sync_conversation", "After")},
    "Send": {1: ("conversation_id", "d"), 2: ("client_msg_id", "d"), 3: ("content", "Content")},
    "Content": {1: ("text", "Text")}, "Text": {1: ("text", "s")}, "Ack": {1: ("push_no", "n")},
    "Since": {1: ("token", "s")}, "After": {1: ("conversation_id", "d"), 2: ("after_seq", "n")},
    "ServerFrame": {1: ("welcome", "Welcome"), 2: ("reply", "Reply"), 3: ("push", "Push"), 4: ("sync_required", "Why")},
    "Welcome": {3: ("resume", "s"), 5: ("resumed", "n")}, "Why": {1: ("reason", "s")}, "Problem": {1: ("code", "s")},
    "Reply": {1: ("id", "n"), 2: ("send", "SendAck"), 3: ("sync_heads", "Heads"), 4: ("sync_conversation", "Page"), 15: ("error", "Problem")},
    "SendAck": {1: ("client_msg_id", "d"), 3: ("seq", "n"), 5: ("dup", "n")},
    "Heads": {1: ("items", "*Head"), 2: ("next_token", "s")}, "Head": {1: ("conversation_id", "d"), 2: ("head_seq", "n")},
    "Page": {2: ("entries", "*Entry"), 5: ("next_seq", "n"), 8: ("has_more", "n")},
    "Entry": {1: ("conversation_id", "d"), 2: ("seq", "n"), 9: ("content", "Content")},
    "Push": {1: ("push_no", "n"), 2: ("resume", "s"), 3: ("events", "*Event")},
    "Event": {1: ("entry", "Entry"), 2: ("own_entry", "Own")}, "Own": {1: ("conversation_id", "d"), 2: ("seq", "n")},
}

def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)

def encode(message, value):
    out = b""
    for number, (name, kind) in MESSAGES[message].items():
        if name in value and kind == "n":
            out += varint(number << 3) + varint(value[name])
        elif name in value:
            field = value[name]
            raw = field.encode() if kind == "s" else id_bytes(field) if kind == "d" else encode(kind, field)
            out += varint(number << 3 | 2) + varint(len(raw)) + raw
    return out

def read_varint(raw, at):
    if raw[at] < 128:
        return raw[at], at + 1
    rest, end = read_varint(raw, at + 1)
    return rest << 7 | raw[at] & 127, end

def decode(message, raw):
    value, at = {}, 0
    while at < len(raw):
        key, at = read_varint(raw, at)
        size, at = read_varint(raw, at) if key & 7 in (0, 2) else ({1: 8, 5: 4}[key & 7], at)
        end = at if key & 7 == 0 else at + size
        part, at = raw[at:end], end
        name, kind = MESSAGES[message].get(key >> 3, (None, ""))  # fields that are not known are left out
        if kind.startswith("*"):
            value.setdefault(name, []).append(decode(kind[1:], part))
        elif kind:
            value[name] = (size if kind == "n" else part.decode() if kind == "s" else
                           id_text(part) if kind == "d" else decode(kind, part))
    return value

class Socket:
    """A greeted WebSocket (RFC 6455, as much of it as a client needs)."""
    def __init__(self, host, encoding, token, before=None):  # `before`: the connection from which this one goes on
        self.encoding, self.buffer, self.last_id, self.waiting, self.seqs = encoding, b"", 0, [], before.seqs if before else {}
        self.tcp = socket.create_connection(host.split(":"), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        self.tcp.sendall((f"GET /v1/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                          f"Sec-WebSocket-Protocol: anser.v1.{encoding}\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self.fill(len(self.buffer) + 1)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101"), head
        self.send({"hello": {"access_token": token, "resume": before.resume if before else ""}})
        self.welcome = self.receive()["welcome"]
        self.resume = self.welcome["resume"]
    def frame(self, opcode, payload):
        mask, size = os.urandom(4), len(payload)
        length = bytes([size | 128]) if size < 126 else struct.pack(*(("!BH", 254) if size < 65536 else ("!BQ", 255)), size)
        masked = bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))
        self.tcp.sendall(bytes([opcode | 128]) + length + mask + masked)
    def send(self, frame):
        self.frame(*((1, json.dumps(frame).encode()) if self.encoding == "json" else (2, encode("ClientFrame", frame))))
    def fill(self, count):
        while len(self.buffer) < count:
            more = self.tcp.recv(65536)
            assert more, "the server closed without a word"
            self.buffer += more
    def receive(self):  # nothing is taken from the buffer before a frame is complete: a time-out may come at any byte
        while True:
            self.fill(2)
            opcode, size = self.buffer[0] & 15, self.buffer[1]
            head = 4 if size == 126 else 10 if size == 127 else 2
            self.fill(head)
            size = size if head == 2 else int.from_bytes(self.buffer[2:head], "big")
            self.fill(head + size)
            payload, self.buffer = self.buffer[head:head + size], self.buffer[head + size:]
            if opcode in (1, 2):
                return json.loads(payload) if self.encoding == "json" else decode("ServerFrame", payload)
            if opcode == 8:
                raise ConnectionError(f"closed with {int.from_bytes(payload[:2], 'big')} {payload[2:].decode()}")
            if opcode == 9:
                self.frame(10, payload)
    def ask(self, operation):  # a request and its reply; what comes between is kept
        self.last_id += 1
        self.send({"request": {"id": self.last_id, **operation}})
        while (frame := self.receive()).get("reply", {}).get("id") != self.last_id:
            self.waiting.append(frame)
        return frame["reply"]
    def say(self, conversation, text, key=None):
        content = {"text": {"text": text}}
        return self.ask({"send": {"conversation_id": conversation, "client_msg_id": key or new_id(), "content": content}})
    def hear(self, acknowledge=True):  # the new texts of the next push; None: the server says that sync is required
        while "push" not in (frame := self.waiting.pop(0) if self.waiting else self.receive()):
            if "sync_required" in frame:
                return None
        texts, self.resume = [], frame["push"]["resume"]
        for event in frame["push"]["events"]:
            entry = event.get("entry") or event.get("own_entry") or {"conversation_id": None, "seq": 0}
            last = self.seqs.get(entry["conversation_id"], 0)
            if entry["seq"] == last + 1:  # the next one; a smaller one is here already, a greater one leaves a gap
                self.seqs[entry["conversation_id"]] = entry["seq"]
                texts += text_of(entry)
            elif entry["seq"] > last:
                texts += self.sync(entry["conversation_id"], last)
        if acknowledge:
            self.send({"ack": {"push_no": frame["push"]["push_no"]}})
        return texts
    def hear_until(self, wanted, *heard):
        return list(heard) if wanted in heard else self.hear_until(wanted, *heard, *self.hear())
    def sync(self, conversation, after=0):  # everything after a seq
        texts, page = [], {"next_seq": after, "has_more": True}
        while page.get("has_more"):
            wanted = {"conversation_id": conversation, "after_seq": page["next_seq"]}
            page = self.ask({"sync_conversation": wanted})["sync_conversation"]
            texts += [text for entry in page.get("entries", []) for text in text_of(entry)]
        self.seqs[conversation] = page["next_seq"]
        return texts

def text_of(entry):
    return [entry["content"]["text"]["text"]] if "text" in entry.get("content", {}) else []

def call(url, path, body, token=None):
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    return json.loads(urllib.request.urlopen(request, timeout=20).read())

def arrive(url, name):
    account = {"username": f"{name}-{os.urandom(6).hex()}", "password": "a stranger's password"}
    call(url, "/v1/users", account)
    return call(url, "/v1/sessions", account)

def talk(url, encoding):
    host, alice, bob = url.removeprefix("http://"), arrive(url, "alice"), arrive(url, "bob")
    asked = call(url, "/v1/friend-requests", {"to_user_id": bob["user_id"]}, alice["access_token"])["request"]
    accepted = call(url, f"/v1/friend-requests/{asked['request_id']}:accept", {}, bob["access_token"])["request"]
    conversation = accepted["conversation_id"]
    alices, bobs = (Socket(host, encoding, person["access_token"]) for person in (alice, bob))
    key = new_id()  # say something, be heard, say it again under the same key
    first, again = alices.say(conversation, "hello", key)["send"], alices.say(conversation, "hello", key)["send"]
    assert first["seq"] == again["seq"] and again["dup"] and not first.get("dup"), (first, again)
    assert alices.say(conversation, "other", key)["error"]["code"] == "idempotency_conflict"
    assert bobs.hear_until("hello") == ["hello"]
    heads = bobs.ask({"sync_heads": {"token": ""}})["sync_heads"]["items"]  # sync
    assert [head["head_seq"] for head in heads if head["conversation_id"] == conversation] == [first["seq"]], heads
    assert bobs.sync(conversation) == ["hello"]
    bobs.tcp.close()  # lose the connection, miss something, come back
    missed = [f"missed {number}" for number in range(5)]
    for text in missed:
        alices.say(conversation, text)
    bobs = Socket(host, encoding, bob["access_token"], bobs)
    assert bobs.welcome.get("resumed") and bobs.hear_until(missed[-1]) == missed, bobs.welcome
    large, said, told = "x" * 60_000, 0, False  # stop acknowledging until the server gives up on pushing
    bobs.tcp.settimeout(0.2)
    while not told and said < 40:
        assert "send" in alices.say(conversation, large)
        said += 1
        try:
            told = bobs.hear(acknowledge=False) is None
        except TimeoutError:
            pass
    assert told, "sync_required did not come"
    bobs.tcp.settimeout(20)
    assert bobs.sync(conversation) == ["hello", *missed] + [large] * said, "the log has everything"
    print(f"ok {encoding}: sent, synced, resumed, overflowed after {said} messages")

for each in ("json", "proto"):
    talk(sys.argv[1].rstrip("/"), each)
