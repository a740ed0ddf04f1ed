#!/usr/bin/env python3
"""Whether a real engine attached by speech.command puts speech into words, end to end: flite speaks sentences, the server
gets them over HTTP as WAV, as raw PCM and as stereo of another rate, and most of the words must come back.

    run.py [ANSER]     exit code 0: they do
"""

import array
import io
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import wave

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "target"
PYTHON = TARGET / "speech" / "bin" / "python"
SENTENCES = ["good morning everybody please open the window and close the door",
             "the quick brown fox jumps over the lazy dog",
             "we will meet at the station tomorrow afternoon and have dinner together"]
VOICE = "rms"
# Recognition of made-up speech errs now and then; of silence or noise next to none of these words would come out.
MOST = 0.7
PASSWORD = "correct horse"


class Server:
    def __init__(self, anser, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        settings = ["speech.provider=command", f"speech.command={PYTHON},{HERE / 'engine.py'},{{file}}",
                    "auth.hash_memory_kib=64", "log.level=warn"]
        sets = [word for setting in settings for word in ("--set", setting)]
        serve = [anser, "serve", "--data-dir", f"{folder}/data", "--listen", self.url.removeprefix("http://"), *sets]
        self.process = subprocess.Popen(serve, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit("the server does not get ready")
            time.sleep(0.05)

    def is_ready(self):
        try:
            return urllib.request.urlopen(f"{self.url}/readyz", timeout=5).status == 200
        except OSError:
            return False

    def call(self, path, body, media_type="application/json", token=None):
        """The status and the answer."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, body, {"content-type": media_type}, method="POST")
        if token:
            request.add_header("authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def spoken(sentence, folder):
    path = f"{folder}/spoken.wav"
    subprocess.run(["flite", "-voice", VOICE, "-t", sentence, "-o", path], check=True)
    with wave.open(path) as recording:
        assert (recording.getnchannels(), recording.getsampwidth(), recording.getframerate()) == (1, 2, 16_000)
        return recording.readframes(recording.getnframes())


def as_wav(pcm, channels, rate):
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setparams((channels, 2, rate, 0, "NONE", ""))
        recording.writeframes(pcm)
    return file.getvalue()


def stereo_at_32_khz(pcm):
    samples = array.array("h", pcm)
    doubled = array.array("h", (sample for each in samples for sample in [each] * 4))
    return as_wav(doubled.tobytes(), 2, 32_000)


def check(what, holds):
    print(("ok   " if holds else "FAIL ") + what, flush=True)
    return holds


def recognises(server, token, form, body, media_type, sentence):
    status, answer = server.call("/v1/speech:recognize", body, media_type, token)
    words, heard = sentence.split(), answer.get("text", "").split()
    found = sum(word in heard for word in words)
    return check(f"{form}: {status}, {found} of {len(words)} words of “{sentence}”: “{' '.join(heard)}”",
                 status == 200 and found >= MOST * len(words))


def run(server, folder):
    server.call("/v1/users", {"username": "alice", "password": PASSWORD})
    _, session = server.call("/v1/sessions", {"username": "alice", "password": PASSWORD})
    token = session["access_token"]
    speech = [spoken(sentence, folder) for sentence in SENTENCES]
    good = [recognises(server, token, "WAV", as_wav(pcm, 1, 16_000), "audio/wav", sentence)
            for pcm, sentence in zip(speech, SENTENCES)]
    good.append(recognises(server, token, "PCM", speech[0], "application/octet-stream", SENTENCES[0]))
    good.append(recognises(server, token, "stereo", stereo_at_32_khz(speech[1]), "audio/wav", SENTENCES[1]))
    silence = server.call("/v1/speech:recognize", as_wav(bytes(32_000), 1, 16_000), "audio/wav", token)
    good.append(check(f"silence: {silence}", silence[0] == 200 and len(silence[1]["text"].split()) <= 1))
    long = server.call("/v1/speech:recognize", as_wav(bytes(2 * 16_000 * 61), 1, 16_000), "audio/wav", token)
    good.append(check(f"more than a minute: {long[0]}", long[0] == 413))
    good.append(check("nobody who is not signed in", server.call("/v1/speech:recognize", speech[0], "audio/wav")[0] == 401))
    left = list(pathlib.Path(f"{folder}/data/speech").iterdir())
    good.append(check("no recording is left", not left))
    return all(good)


def main():
    anser = sys.argv[1] if len(sys.argv) > 1 else str(TARGET / "debug" / "anser")
    folder = tempfile.mkdtemp(prefix="anser-speech-")
    server = Server(anser, folder)
    try:
        good = run(server, folder)
    finally:
        server.stop()
        shutil.rmtree(folder)
    sys.exit(0 if good else 1)


main()
