"""The guest's disk: a server of the Network Block Device protocol whose disk has a cache that forgets.

A write stands in the cache until a FLUSH comes, and only then in the image. At a power cut each write that was not flushed is
kept, lost or torn, as the dice say: of a torn one some sectors are new and some old, in no order. So the image afterwards is one
that a real disk may leave behind, and somebody who forgets an fsync, or whose fsync forgets the FLUSH, is found out.

As much of the protocol as QEMU needs: fixed newstyle negotiation, simple replies, READ, WRITE, FLUSH. There is no FUA: QEMU
then does with a FLUSH.
"""

import os
import socket
import struct
import threading

SECTOR, BLOCK = 512, 4096
MAGIC, OPTION_MAGIC, REPLY_MAGIC = b"NBDMAGIC", b"IHAVEOPT", 0x3E889045565A9
REQUEST_MAGIC, ANSWER_MAGIC = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
HAS_FLAGS, SEND_FLUSH = 1, 4
OPTION_ABORT, OPTION_GO = 2, 7
REPLY_ACK, REPLY_INFO, REPLY_UNSUPPORTED = 1, 3, 0x80000001
INFO_EXPORT = 0
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
EINVAL = 22


class PowerCut(Exception):
    """There is no current any more."""


class Disk:
    """An image with a cache before it."""

    def __init__(self, image):
        self.image = open(image, "r+b", buffering=0)
        self.size = os.fstat(self.image.fileno()).st_size
        self.waiting = []  # (offset, bytes): written and not flushed, in their order
        self.cached = {}  # sector → its newest bytes, of the sectors that wait
        self.strike = None

    def read(self, offset, length):
        data = bytearray(os.pread(self.image.fileno(), length, offset))
        first = offset // SECTOR
        for sector in range(first, first + length // SECTOR) if self.cached else ():
            if sector in self.cached:
                at = (sector - first) * SECTOR
                data[at:at + SECTOR] = self.cached[sector]
        return bytes(data)

    def strike_at(self, writes, after, event):
        """The power goes with that many further writes, counted from the first that touches one of the blocks `after` where
        there are any: the event is set, and nothing is taken or answered any more."""
        self.strike = [writes, after, event]

    def write(self, offset, data):
        self.waiting.append((offset, data))
        for at in range(0, len(data), SECTOR):
            self.cached[(offset + at) // SECTOR] = data[at:at + SECTOR]
        if self.strike:
            self.count_down({(offset + at) // BLOCK for at in range(0, len(data), SECTOR)})

    def count_down(self, touched):
        writes, after, event = self.strike
        if after and not touched & after:
            return
        self.strike = [writes - 1, None, event]
        if writes <= 1:
            event.set()
            raise PowerCut

    def flush(self):
        for offset, data in self.waiting:
            os.pwrite(self.image.fileno(), data, offset)
        self.waiting, self.cached = [], {}

    def cached_blocks(self):
        """Which blocks of the file system stand in the cache."""
        return {sector * SECTOR // BLOCK for sector in self.cached}

    def cut(self, dice):
        """The power is gone. How many writes were kept, lost and torn."""
        fates = {"kept": 0, "lost": 0, "torn": 0}
        for offset, data in self.waiting:
            fate = dice.choice(list(fates))
            fates[fate] += 1
            for at in range(0, len(data), SECTOR):
                if fate == "kept" or fate == "torn" and dice.random() < 0.5:
                    os.pwrite(self.image.fileno(), data[at:at + SECTOR], offset + at)
        self.image.close()
        return fates


class Server:
    """Serves one disk to one client, until it hangs up."""

    def __init__(self, disk, path):
        self.disk = disk
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            self.socket = self.listener.accept()[0]
            self.stream = self.socket.makefile("rb", 1 << 20)
            if self.negotiate():
                while self.request():
                    pass
        except (EOFError, OSError, PowerCut):
            pass  # a machine that loses its power does not say goodbye

    def close(self):
        """Waits until the last request was worked off; the client must be dead."""
        self.listener.close()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def take(self, form):
        return struct.unpack(form, self.bytes(struct.calcsize(form)))

    def bytes(self, length):
        data = self.stream.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def negotiate(self):
        self.socket.sendall(MAGIC + OPTION_MAGIC + struct.pack("!H", FIXED_NEWSTYLE | NO_ZEROES))
        self.take("!I")
        while True:
            _, option, length = self.take("!8sII")
            self.bytes(length)
            if option == OPTION_GO:
                export = struct.pack("!HQH", INFO_EXPORT, self.disk.size, HAS_FLAGS | SEND_FLUSH)
                self.option(option, REPLY_INFO, export)
                self.option(option, REPLY_ACK)
                return True
            if option == OPTION_ABORT:
                self.option(option, REPLY_ACK)
                return False
            self.option(option, REPLY_UNSUPPORTED)

    def option(self, option, reply, data=b""):
        self.socket.sendall(struct.pack("!QIII", REPLY_MAGIC, option, reply, len(data)) + data)

    def request(self):
        magic, _, kind, handle, offset, length = self.take("!IHHQQI")
        if magic != REQUEST_MAGIC or kind == DISCONNECT:
            return False
        error, data = 0, b""
        if kind == WRITE:
            self.disk.write(offset, self.bytes(length))
        elif kind == READ:
            data = self.disk.read(offset, length)
        elif kind == FLUSH:
            self.disk.flush()
        else:
            error = EINVAL
        self.socket.sendall(struct.pack("!IIQ", ANSWER_MAGIC, error, handle) + data)
        return True
