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
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.realpath(os.path.join(HERE, "..", "..", "target", "power-cut"))
sys.path.append(os.path.join(HERE, "..", "durability"))

from judge import Judge
from machine import DoesNotStart, Machine, new_image
from people import Person, Record, Talker

CONNECTIONS = 2  # of each person
WRITES = 64  # the cut comes with one of so many further writes to the disk
LOST = "an acked message lost"


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

    def cycle(self, cycle, load_s, long=0.05):
        """Load, cut, restart, judgement; what is broken."""
        answers = self.record.answers
        talkers = [Talker(self.record, person, random.Random(self.dice.random()), cycle, long,
                          self.mine[person.name, number])
                   for person in self.people for number in range(CONNECTIONS)]
        for talker in talkers:
            talker.start()
        copies = self.wait(load_s)
        fates = self.machine.cut(self.dice, self.dice.randint(1, WRITES))
        blocks = self.machine.disk.cached_blocks()
        for talker in talkers:
            talker.join(60)
        answers = self.record.answers - answers
        unknown = sum(len(talker.open) for talker in talkers)
        problems = collections.Counter(code for talker in talkers for code in talker.problems)
        print(f"  {cycle}: {load_s:.0f} s of load, {answers} answers, {unknown} open{told(', errors', problems) if problems else ''}, "
              f"checkpoints{told('', copies)}")
        print(f"     cut; writes in the disk's cache{told('', fates)}", flush=True)
        if answers < 50:
            raise SystemExit("too little was said for a proof")
        judge = Judge(self.record, self.people)
        try:
            self.start()
            print(f"     back after {self.machine.boot_s:.0f} s{', journal recovered' * self.machine.recovered()}; "
                  f"the cache had blocks of{told('', self.machine.files(blocks))}", flush=True)
            judge.judge(cycle)
        except DoesNotStart as error:
            judge.found("does not come back", str(error))
        except OSError as error:
            judge.found("does not answer", repr(error))
        print(f"     {len(self.record.messages)} messages:{told('', judge.broken) if judge.broken else ' nothing is broken'}",
              flush=True)
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


def told(what, counts):
    return what + ": " + (", ".join(f"{name} {count}" for name, count in counts.items()) or "none")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--cycles", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = arguments.parse_args()
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

    print("the default settings: nothing may be lost")
    shutil.copyfile(first, image)
    run = Run(lambda: boot(folder, image), people, dice)
    for cycle in range(1, cycles + 1):
        judge = run.cycle(cycle, *load(cycle, dice))
        if judge.broken:
            raise SystemExit(f"broken: {judge.examples}")
    answers = run.record.answers
    run.machine.off()

    print("the fault synchronous_off: must be caught losing messages")
    control(folder, first, people, dice, server="planted", ANSER_PLANT="synchronous_off")
    print("a file system that does not flush the disk's cache: must be caught")
    control(folder, first, people, dice, DISK_OPTIONS="barrier=0")
    print(f"ok: {cycles} power cuts, {answers} answers, nothing lost; both controls were caught")


def load(cycle, dice):
    """How long people write before the cut, and how many of their messages are long."""
    match cycle % 3:
        case 1:
            return dice.uniform(4, 20), 0.05
        case 2:
            return dice.uniform(15, 30), 0.6  # checkpoints, and the log begins anew
        case _:
            return dice.uniform(20, 23), 0.05  # the log is emptied 20 s after the first recall


def control(folder, first, people, dice, **what):
    """Each try on a disk of its own, because little may be left of it. Caught at the first loss; three tries."""
    for cycle in (1, 2, 3):
        image = f"{folder}/image"
        shutil.copyfile(first, image)
        run = Run(lambda: boot(folder, image, **what), people, dice)
        judge = run.cycle(cycle, dice.uniform(4, 10))
        if run.machine in Machine.running:
            run.machine.off()
        if judge.broken[LOST] or judge.broken["does not come back"] and "barrier=0" in what.values():
            return
    raise SystemExit("this was not caught: the rig does not see")


if __name__ == "__main__":
    main()
