#!/usr/bin/env python3
"""What the server does when the disk fails under it: strace lets system calls on the log (anser.db-wal) fail.

- A full disk: sends are refused with `storage_full`, which is retryable; reads go on; sends resume by themselves.
- A failed fsync: nothing is acknowledged any more, the process ends with 74, and the next start copies the log into a
  new file first. Everything that was acknowledged is there.
- A disk that keeps failing: after the third restart within five minutes the server stays down and says why.

    faults.py [ANSER]                exit code 0: all as it must be
"""

import os
import shutil
import sys
import tempfile
import time

from client import Server, key_and_text, messages, sending

EX_IOERR = 74


def failing(data, calls, error, when):
    """Lets these calls on the log fail; `when` counts them as strace does."""
    return ["-P", os.path.join(data, "anser.db-wal"), "-o", "/dev/null", "-e", f"trace={calls}",
            "-e", f"inject={calls}:error={error}:when={when}"]


def healthy():
    return ["-o", "/dev/null", "-e", "trace=none"]


def settle(anser, data):
    """Makes the store, so that the calls that are counted afterwards are those of people's work."""
    Server(anser, data, healthy()).kill()


def full_disk(anser, data):
    settle(anser, data)
    server = Server(anser, data, failing(data, "pwrite64", "ENOSPC", "300..302"))
    _, token, conversation = server.arrive()
    stored, refused, until = 0, 0, time.monotonic() + 60
    while stored < 20 or not refused:
        assert time.monotonic() < until, f"{stored} stored, {refused} refused"
        key, text = key_and_text()
        while True:
            status, answer = server.http("POST", messages(conversation), sending(key, text), token)
            if status < 300:
                break
            assert answer["code"] == "storage_full" and answer["retryable"], answer
            refused += 1
            assert server.http("GET", messages(conversation), None, token)[0] == 200, "reads go on"
            time.sleep(0.1)
        stored = stored + 1 if refused else 0
    server.kill()
    print(f"  {refused} sends refused as retryable, then {stored} stored")


def broken_disk(anser, data):
    settle(anser, data)
    server = Server(anser, data, failing(data, "fsync,fdatasync", "EIO", "60+"))
    name, token, conversation = server.arrive()
    acked, status = {}, 200
    while status < 300:
        key, text = key_and_text()
        try:
            status, answer = server.http("POST", messages(conversation), sending(key, text), token)
        except OSError:
            break
        if status < 300:
            acked[key] = text
        else:
            assert answer["retryable"], answer
    code, _ = server.ended()
    assert code == EX_IOERR, f"the process ended with {code}"
    log = os.stat(os.path.join(data, "anser.db-wal")).st_ino
    held = open(os.path.join(data, "anser.db-wal"))
    server = Server(anser, data, healthy())
    assert os.stat(os.path.join(data, "anser.db-wal")).st_ino != log, "the log is a new file"
    held.close()
    token = server.login(name)
    for again, text in acked.items():
        ack = server.need("POST", messages(conversation), sending(again, text), token)
        assert ack.get("dup"), "what was acknowledged is there"
    server.kill()
    print(f"  {len(acked)} sends acknowledged before the fsync failed, all there after the restart")


def hopeless_disk(anser, data):
    starts = 0
    while True:
        server = Server(anser, data, failing(data, "fsync,fdatasync", "EIO", "1+"), ready=False)
        code, said = server.ended()
        starts += 1
        assert code != 0
        if "within 5 minutes" in said:
            break
        assert starts < 8, said
    print(f"  stays down at start {starts}")
    assert starts == 1 + 3 + 1, "three restarts, and no more"


if __name__ == "__main__":
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/debug/anser")
    for proof in (full_disk, broken_disk, hopeless_disk):
        print(proof.__name__.replace("_", " "))
        folder = tempfile.mkdtemp(prefix="anser-faults-")
        try:
            proof(binary, os.path.join(folder, "data"))
        finally:
            for server in list(Server.running):
                server.kill()
            shutil.rmtree(folder, ignore_errors=True)
    print("ok")
