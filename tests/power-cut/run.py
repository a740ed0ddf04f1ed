#!/usr/bin/env python3
"""The power-cut rig: no acknowledged message is lost when the machine loses its power.

The server runs in a virtual machine, on an ext4 file system, on a disk whose cache forgets (nbd.py). People write over the real
protocol; in the midst of a write the machine is killed: with it goes the page cache of its kernel, and of what stood
in the disk's cache the dice keep, lose or tear each write. Then the machine boots from the same disk, and
everything is read back and said again.

That the rig can see is part of the proof: a server that does not sync must be caught losing acknowledged messages, and a
file system that syncs without flushing the disk's cache must be caught too.

    run.py [--cycles N] [--seed N]      exit code 0: nothing was lost, and the controls were caught
"""

import argparse
import collections
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.realpath(os.path.join(HERE, "..", "..", "target", "power-cut"))
sys.path.append(os.path.join(HERE, "..", "durability"))

from judge import LOST, Judge
from machine import DoesNotStart, Machine, new_image
from people import Person, Record, Talker

CONNECTIONS = 2  # of each person
WRITES = 32  # the cut comes with one of so many further writes to the disk
GONE, DEAF = "the server does not come back", "people cannot read or write any more"


def boot(folder, image, server="ordinary", **environment):
    return Machine(folder, f"{BUILT}/vmlinuz", f"{BUILT}/{server}.initrd", image, environment)


def arrive(machine, dice):
    """Alice and Bob, who are friends, and three groups; then the first power cut."""
    api = machine.api
    alice_name, alice, first = api.arrive()
    _, bob, third = api.arrive()
    made = api.need("POST", "/v1/conversations", {"title": "second", "member_ids": []}, alice)
    second = made.get("conversation", made)["conversation_id"]
    to = api.need("GET", f"/v1/users:lookup?username={alice_name}", None, bob)["user_id"]
    asked = api.need("POST", "/v1/friend-requests", {"to_user_id": to}, bob)["request"]
    accepted = api.need("POST", f"/v1/friend-requests/{asked['request_id']}:accept", {}, alice)["request"]
    both = accepted["conversation_id"]
    machine.off()
    machine.disk.cut(dice)
    return [Person("Alice", alice, [first, second, both], [first, second, both]),
            Person("Bob", bob, [third, both], [third], moves_cursor=True)]


class Run:
    """One disk, and the power cuts that it goes through."""

    def __init__(self, boot, people, dice):
        self.boot, self.people, self.dice = boot, people, dice
        self.record = Record()
        self.mine = collections.defaultdict(list)
        self.start()

    def start(self):
        self.machine = self.boot()
        for person in self.people:
            person.port = self.machine.port

    def cycle(self, cycle, load_s, long, in_checkpoint):
        """Load, cut, restart, judgement."""
        before = self.record.answers.copy()
        talkers = [Talker(self.record, person, random.Random(self.dice.random()), cycle, long, self.mine[person.name, number])
                   for person in self.people for number in range(CONNECTIONS)]
        for talker in talkers:
            talker.start()
        checkpoints = self.wait(load_s)
        after = self.machine.store if in_checkpoint else None
        fates, whose = self.machine.cut(self.dice, self.dice.randint(1, WRITES), after)
        for talker in talkers:
            talker.join(60)
        answers = self.record.answers - before
        errors = collections.Counter(code for talker in talkers for code in talker.problems)
        unknown = sum(len(talker.open) for talker in talkers)
        print(f"  {cycle}: {load_s:.0f} s of load; answers: {told(answers)}; without one: {unknown}; errors: {told(errors)}; "
              f"checkpoints: {told(checkpoints)}", flush=True)
        print(f"     cut; writes in the disk's cache: {told(fates)}; blocks: {told(whose)}", flush=True)
        if answers.total() < 50:
            raise SystemExit("too little was said for a proof")
        judge = Judge(self.record, self.people)
        try:
            self.start()
            recovered = ", the file system's journal recovered" * self.machine.recovered()
            judge.judge(cycle)
            print(f"     back after {self.machine.boot_s:.0f} s{recovered}; {len(self.record.messages)} messages were read, "
                  "and the last ones said again")
        except DoesNotStart as error:
            print(f"     {str(error).strip()[-300:]}")
            judge.found(GONE, str(error))
        except OSError as error:
            print(f"     {error!r}")
            judge.found(DEAF, repr(error))
        print(f"     broken: {told(judge.broken)}", flush=True)
        return judge

    def wait(self, seconds):
        """How many checkpoints of each kind there were meanwhile."""
        until, copies = time.monotonic() + seconds, {}
        while time.monotonic() < until:
            if self.machine.process.poll() is not None:
                raise SystemExit(f"the machine ended by itself:\n{self.machine.said()[-3000:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.machine.port}/metrics", timeout=10) as answer:
                    found = re.findall(r'anser_store_checkpoint_seconds_count\{kind="(\w+)"\} (\d+)', answer.read().decode())
                copies = {kind: int(count) for kind, count in found}
            except OSError:
                pass
            time.sleep(min(1, max(0, until - time.monotonic())))
        return copies


def told(counts):
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--cycles", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    dice = random.Random(options.seed)
    print(f"power cuts: {options.cycles} cycles, seed {options.seed}", flush=True)

    folder = tempfile.mkdtemp(prefix="run-", dir=BUILT)
    try:
        everything(folder, options.cycles, dice)
    finally:
        for machine in list(Machine.running):
            machine.off()
        shutil.rmtree(folder)


def everything(folder, cycles, dice):
    first, image = f"{folder}/first", f"{folder}/image"
    new_image(first)
    people = arrive(boot(folder, first), dice)

    print("the default settings: nothing may be lost", flush=True)
    shutil.copyfile(first, image)
    run = Run(lambda: boot(folder, image), people, dice)
    for cycle in range(1, cycles + 1):
        judge = run.cycle(cycle, *load(cycle, dice))
        if judge.broken:
            raise SystemExit(f"broken: {judge.examples}")
    answers = run.record.answers
    run.machine.off()

    print("the fault synchronous_off: must be caught losing acknowledged messages", flush=True)
    control(folder, first, people, dice, {LOST}, server="planted", ANSER_PLANT="synchronous_off")
    print("a file system that never flushes the disk's cache: must be caught", flush=True)
    control(folder, first, people, dice, {LOST, GONE, DEAF}, DISK_OPTIONS="barrier=0")
    print(f"ok: {cycles} power cuts, nothing of {answers.total()} answers was lost ({told(answers)}); both controls were caught")


def load(cycle, dice):
    """How long people write before the cut, how many of their messages are long, and whether the cut is to strike a
    checkpoint: any moment; long messages, which make checkpoints; the emptying of the log, 20 s after the first recall."""
    return [(dice.uniform(19, 20), 0.05, True), (dice.uniform(4, 20), 0.05, False), (dice.uniform(10, 30), 0.9, True)][cycle % 3]


def control(folder, first, people, dice, caught, **what):
    """Three tries, each on a disk of its own, because little may be left of it."""
    for cycle in (1, 2, 3):
        image = f"{folder}/image"
        shutil.copyfile(first, image)
        run = Run(lambda: boot(folder, image, **what), people, dice)
        judge = run.cycle(cycle, dice.uniform(4, 10), 0.05, False)
        if run.machine in Machine.running:
            run.machine.off()
        if judge.broken.keys() & caught:
            return
    raise SystemExit("this was not caught: the rig does not see")


if __name__ == "__main__":
    main()
