#!/usr/bin/env python3
"""Turns what the tests hold into files for libFuzzer, and back.

  inputs.py seeds FOLDER whole|message   write the recorded hellos and the kept inputs into FOLDER, one file each
  inputs.py hex FILE...                  print files as lines for Fuzz/Inputs

Kept inputs are text, one input per line in hexadecimal; lines that begin with # are comments.
"""
import hashlib
import json
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent


def recorded():
    for line in (root / "Tests/ClientHelloTests/Recorded/hellos.jsonl").read_text().splitlines():
        yield bytes.fromhex(json.loads(line)["hex"])


def kept(target):
    for file in sorted((root / "Fuzz/Inputs").glob("*.hex")):
        # Those of target `message` begin behind the headers that the target makes itself.
        if (file.name.startswith("message")) != (target == "message"):
            continue
        for line in file.read_text().splitlines():
            if line and not line.startswith("#"):
                yield bytes.fromhex(line)


def main(arguments):
    if arguments[:1] == ["seeds"] and len(arguments) == 3:
        folder, target = pathlib.Path(arguments[1]), arguments[2]
        folder.mkdir(parents=True, exist_ok=True)
        hellos = [hello[9:] if target == "message" else hello for hello in recorded()]
        if not hellos:
            sys.exit("no recorded hello found in Tests/ClientHelloTests/Recorded/hellos.jsonl")
        for data in hellos + list(kept(target)):
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
    elif arguments[:1] == ["hex"]:
        for name in arguments[1:]:
            print(pathlib.Path(name).read_bytes().hex())
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
