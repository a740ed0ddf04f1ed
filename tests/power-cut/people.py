"""The people who write while the power is cut, and what they were told.

Four connections, of Alice and Bob, each with a window of requests: new messages, edits and recalls of their own, and Bob
moves his read cursor. What an answer said is noted the moment it is read; what was asked and not answered may be so or not.
"""

import collections
import dataclasses
import secrets
import threading
import time

from client import WebSocket, key_and_text, sending

WINDOW = 16  # requests at a time, of one connection
RECALLED = None


@dataclasses.dataclass
class Person:
    """Somebody who writes, and afterwards reads back some of the conversations in full."""

    name: str
    token: str
    talks_in: list
    reads_back: list
    moves_cursor: bool = False
    port: int = 0


@dataclasses.dataclass
class Message:
    """One message, as its sender knows it."""

    key: str
    sender: str
    conversation: str
    text: str
    cycle: int
    seq: int = 0  # 0: no answer yet
    now: str | None = ""  # its words as they are for sure, or RECALLED
    asked: tuple = ()  # what it may be instead: a change without an answer


class Record:
    """What was said and answered, over all cycles."""

    def __init__(self):
        self.messages = {}  # by key
        self.changes = []  # (conversation, seq of the change's entry, its kind, target_seq) that were answered
        self.cursors = {}  # Bob's, by conversation
        self.answers = collections.Counter()  # by operation


class Talker(threading.Thread):
    """One connection under load, until it breaks."""

    def __init__(self, record, person, dice, cycle, long, mine):
        super().__init__(daemon=True)
        self.record, self.person, self.dice, self.cycle = record, person, dice, cycle
        self.long = long  # how many of its messages are of 10 to 60 KB
        self.mine = mine  # answered messages of this connection, from earlier cycles too
        self.open = {}  # id → what to do with the answer
        self.seen = {}  # newest seq, by conversation
        self.last_id = 0
        self.problems = []

    def run(self):
        try:
            self.web = WebSocket(self.person.port, self.person.token)
            for frame in self.web.frames():
                if "push" in frame:
                    self.hear(frame["push"])
                elif "reply" in frame:
                    self.answered(frame["reply"])
                while len(self.open) < WINDOW:
                    self.ask()
        except (OSError, ValueError):
            pass  # the power is gone, perhaps in the middle of a frame

    def hear(self, push):
        for event in push["events"]:
            entry = event.get("entry") or event.get("own_entry")
            if entry:
                self.seen[entry["conversation_id"]] = entry["seq"]
        self.web.send({"ack": {"push_no": push["push_no"]}})

    def answered(self, reply):
        note = self.open.pop(reply["id"])
        if "error" in reply:
            self.problems.append(reply["error"]["code"])
            time.sleep(0.1)
            return
        operation = next(operation for operation in reply if operation != "id")
        self.record.answers[operation] += 1
        note(reply[operation])

    def ask(self):
        roll = self.dice.random()
        if roll < 0.15 and (message := self.changeable()):
            self.change(message, recall=roll < 0.05)
        elif roll < 0.25 and self.person.moves_cursor and self.seen:
            self.read()
        else:
            self.say()

    def request(self, operation, note):
        self.last_id += 1
        self.open[self.last_id] = note
        self.web.send({"request": {"id": self.last_id, "deadline_ms": 30_000, **operation}})

    def say(self):
        key, text = key_and_text()
        if self.dice.random() < self.long:
            text += " " + secrets.token_hex(self.dice.randrange(5_000, 30_000))
        message = Message(key, self.person.name, self.dice.choice(self.person.talks_in), text, self.cycle, now=text)
        self.record.messages[key] = message

        def note(ack):
            message.seq = ack["seq"]
            self.mine.append(message)

        self.request({"send": {"conversation_id": message.conversation, **sending(key, text)}}, note)

    def changeable(self):
        message = self.dice.choice(self.mine) if self.mine else None
        return message if message and message.now is not RECALLED and not message.asked else None

    def change(self, message, recall):
        target = {"conversation_id": message.conversation, "seq": message.seq}
        wanted = RECALLED if recall else f"edited {secrets.token_hex(self.dice.randrange(8, 400))}"
        message.asked = (wanted,)

        def note(changed):
            message.now, message.asked = wanted, ()
            kind = "recalled" if recall else "edited"
            self.record.changes.append((message.conversation, changed["change_seq"], kind, message.seq))

        if recall:
            self.request({"recall": target}, note)
        else:
            self.request({"edit": {**target, "content": {"text": {"text": wanted}}}}, note)

    def read(self):
        conversation, seq = self.dice.choice(list(self.seen.items()))

        def note(moved):
            cursors = self.record.cursors
            cursors[conversation] = max(cursors.get(conversation, 0), moved["read_seq"])

        self.request({"read": {"conversation_id": conversation, "read_seq": seq}}, note)
