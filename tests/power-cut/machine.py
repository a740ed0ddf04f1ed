"""A machine whose power can be cut: QEMU under software emulation, its disk an nbd.Disk, its network one forwarded port."""

import os
import socket
import subprocess
import threading
import time
import urllib.request

import nbd
from client import Api

ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"}
MAKE_FILES = ["-E", "lazy_itable_init=0,lazy_journal_init=0", "-J", "size=16", "-b", "4096"]
BOOT_S = 180


def new_image(path):
    """An empty disk of a GiB; it takes little room, because most of it is a hole."""
    with open(path, "wb") as image:
        image.truncate(1 << 30)
    subprocess.run(["mkfs.ext4", "-q", "-F", *MAKE_FILES, path], check=True, env=ENVIRONMENT)


class DoesNotStart(Exception):
    """The machine came up and the server in it did not."""


class Machine:
    """Boots from an image and waits until the server in it is ready."""

    running = []

    def __init__(self, folder, kernel, initrd, image, environment):
        self.console, disk_socket = f"{folder}/console", f"{folder}/disk"
        for path in (self.console, disk_socket):
            if os.path.exists(path):
                os.remove(path)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.image, self.disk = image, nbd.Disk(image)
        self.server = nbd.Server(self.disk, disk_socket)
        words = " ".join(f"{key}={value}" for key, value in environment.items())
        began = time.monotonic()
        self.process = subprocess.Popen([
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "384",
            "-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{self.console}",
            "-kernel", kernel, "-initrd", initrd,
            "-append", f"console=ttyS0 quiet panic=-1 mitigations=off nokaslr rdinit=/init {words}",
            "-blockdev", f"driver=nbd,node-name=disk,server.type=unix,server.path={disk_socket},export=disk",
            "-device", "virtio-blk-pci,drive=disk,write-cache=on,discard=off,write-zeroes=off",
            "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:8080",
            "-device", "virtio-net-pci,netdev=net,romfile=",
        ], stdin=subprocess.DEVNULL)
        Machine.running.append(self)
        self.api = Api(self.port)
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > began + BOOT_S:
                said = self.said()[-2000:]
                self.off()
                raise DoesNotStart(said)
            time.sleep(0.1)
        self.boot_s = time.monotonic() - began
        self.store, self.log = self.blocks("anser.db"), self.blocks("anser.db-wal")

    def is_ready(self):
        """QEMU takes the connection long before the guest can: so it is not waited for."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def said(self):
        with open(self.console, encoding="utf-8", errors="replace") as console:
            return console.read()

    def recovered(self):
        """Whether the file system's journal had something to bring back."""
        return "EXT4-fs (vda): recovery complete" in self.said()

    def blocks(self, name):
        """The blocks of one of the server's files, as they stood when the machine started."""
        asked = ["debugfs", "-c", "-R", f"blocks /anser/{name}", self.image]
        listed = subprocess.run(asked, capture_output=True, text=True, env=ENVIRONMENT, check=False).stdout
        return {int(block) for block in listed.split()}

    def cut(self, dice, writes, after):
        """Cuts the power in the midst of a write (see nbd.Disk.strike_at), or after 20 seconds where nothing comes of that.
        What became of the writes in the disk's cache, and whose blocks they were."""
        struck = threading.Event()
        self.disk.strike_at(writes, after, struck)
        struck.wait(20)
        self.off()
        cached = self.disk.cached_blocks()
        store, log = len(cached & self.store), len(cached & self.log)
        whose = {"of the store": store, "of its log": log, "other": len(cached) - store - log}
        return self.disk.cut(dice), whose

    def off(self):
        """Kills the machine. Nothing reaches the disk afterwards."""
        self.process.kill()
        self.process.wait()
        self.server.close()
        Machine.running.remove(self)
