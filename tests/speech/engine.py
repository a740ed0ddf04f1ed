#!/usr/bin/env python3
"""An offline engine as speech.command wants it: the words in a WAV file (16 kHz, 16 bits, one channel), on standard output."""

import sys
import wave

from pocketsphinx import Decoder

with wave.open(sys.argv[1]) as recording:
    audio = recording.readframes(recording.getnframes())
decoder = Decoder(samprate=16000, loglevel="FATAL")
decoder.start_utt()
decoder.process_raw(audio, full_utt=True)
decoder.end_utt()
found = decoder.hyp()
print(found.hypstr if found else "")
