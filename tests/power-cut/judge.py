"""After the power is back: reads everything, says everything again, reads again, and counts the broken promises."""

import collections
import time

from client import WebSocket, sending
from people import RECALLED, WINDOW


LOST = "an acked message lost"
PATIENCE_S = 120


class Reader:
    """A connection that asks many things at once and ignores what it is told besides. Not to be kept open idle: the server
    ends connections that do not acknowledge."""

    def __init__(self, person):
        self.web = WebSocket(person.port, person.token)
        self.web.socket.settimeout(PATIENCE_S)
        self.frames = self.web.frames()
        if "welcome" not in self.next():
            raise ConnectionError("not welcome")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.web.stream.close()
        self.web.socket.close()

    def next(self):
        frame = next(self.frames, None)
        if frame is None:
            raise ConnectionError("the server broke off")
        return frame

    def ask(self, operations):
        """The replies, in the order of the operations. A slow machine may say `unavailable`: then it is asked again."""
        replies, waiting, asked = {}, list(range(len(operations)))[::-1], 0
        until = time.monotonic() + PATIENCE_S
        while len(replies) < len(operations):
            while waiting and asked < WINDOW:
                id = waiting.pop()
                self.web.send({"request": {"id": id, "deadline_ms": 30_000, **operations[id]}})
                asked += 1
            frame = self.next()
            if "push" in frame:
                self.web.send({"ack": {"push_no": frame["push"]["push_no"]}})
            if "reply" not in frame:
                continue
            reply = frame["reply"]
            asked -= 1
            if reply.get("error", {}).get("retryable") and time.monotonic() < until:
                waiting.insert(0, reply["id"])
                time.sleep(0.1)
            else:
                replies[reply["id"]] = reply
        return [replies[id] for id in range(len(operations))]

    def log(self, conversation):
        """All entries of a conversation, in the order in which they came."""
        entries, page = [], {"next_seq": 0, "has_more": True}
        while page["has_more"]:
            wanted = {"conversation_id": conversation, "after_seq": page["next_seq"]}
            reply = self.ask([{"sync_conversation": wanted}])[0]
            if "error" in reply:
                raise ConnectionError(reply["error"]["code"])
            page = reply["sync_conversation"]
            entries += page["entries"]
        return entries


class Judge:
    """Counts what is broken, by promise."""

    def __init__(self, record, people):
        self.record, self.people = record, people
        self.broken = collections.Counter()
        self.examples = {}

    def found(self, promise, example):
        self.broken[promise] += 1
        self.examples.setdefault(promise, example)

    def judge(self, cycle):
        """After a restart. Afterwards all that was unknown is known."""
        self.read_back()
        self.cursors()
        self.say_again(cycle)
        self.read_back()

    def read_back(self):
        places = collections.defaultdict(list)  # where each message stands
        logs = {}
        for person in self.people:
            for conversation in person.reads_back:
                with Reader(person) as reader:
                    log = reader.log(conversation)
                logs[conversation] = {entry["seq"]: entry for entry in log}
                if [entry["seq"] for entry in log] != list(range(1, len(log) + 1)):
                    self.found("the log has a hole", conversation)
                for entry in log:
                    if entry["content"].keys() & {"text", "withdrawn"}:
                        places[entry["client_msg_id"]].append(entry)
        for message in self.record.messages.values():
            self.message(message, places.pop(message.key, []))
        for key in places:
            self.found("a message that nobody sent", key)
        for conversation, seq, kind, target in self.record.changes:
            entry = logs[conversation].get(seq, {"content": {}})
            if entry["content"].get(kind, {}).get("target_seq") != target:
                self.found("an answered change is not in the log", (conversation, seq, kind))

    def message(self, message, entries):
        if len(entries) > 1:
            self.found("a message doubled", message)
        if not entries:
            if message.seq:
                self.found(LOST, message)
            message.seq, message.now, message.asked = 0, message.text, ()  # as if it had never been said
            return
        entry = entries[0]
        if message.seq and message.seq != entry["seq"]:
            self.found("an acked message moved", (message, entry["seq"]))
        message.seq = entry["seq"]
        words = RECALLED if "withdrawn" in entry["content"] else entry["content"]["text"]["text"]
        if words not in (message.now, *message.asked):
            self.found("an answered edit or recall undone" if message.now != message.text else "other words", message)
        message.now, message.asked = words, ()

    def cursors(self):
        with Reader(next(person for person in self.people if person.moves_cursor)) as reader:
            heads = reader.ask([{"sync_heads": {"token": "", "limit": 100}}])[0].get("sync_heads", {"items": []})
        now = {head["conversation_id"]: head["read_seq"] for head in heads["items"]}
        for conversation, seq in self.record.cursors.items():
            if now.get(conversation, 0) < seq:
                self.found("a read cursor moved back", (conversation, seq, now.get(conversation)))

    def say_again(self, cycle):
        """All sends of the last cycle, and some older ones, under their keys."""
        for person in self.people:
            messages = [message for message in self.record.messages.values() if message.sender == person.name]
            again = [message for message in messages if message.cycle == cycle] + messages[::50]
            with Reader(person) as reader:
                replies = reader.ask([{"send": {"conversation_id": message.conversation, **sending(message.key, message.text)}}
                                      for message in again])
            for message, reply in zip(again, replies):
                ack = reply.get("send")
                if ack is None:
                    self.found("a repeated send was refused", (message, reply))
                elif message.seq and not (ack["dup"] and ack["seq"] == message.seq):
                    self.found("a repeated send was answered otherwise", (message, ack))
                message.seq = message.seq or (ack or {}).get("seq", 0)
