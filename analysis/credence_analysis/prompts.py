"""The prompts of a run, from the copy of its inputs that its directory keeps (the file `bundle`)."""

import os
import struct

MAGIC, VERSION, HEADER, SECTION = b"CRBUNDLE", 1, 16, 12
BYTES_MAX = 256 << 20


def sections(path):
    """{name: bytes} of the sections of the file at PATH; empty when it is not one that we read.

    16 bytes: magic, u32 version, u32 number of sections; each section is u32 length of its name,
    u64 length of its bytes, name, bytes; all little endian.
    """
    try:
        if os.path.getsize(path) > BYTES_MAX:
            return {}
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return {}
    if len(data) < HEADER or data[:8] != MAGIC:
        return {}
    version, many = struct.unpack_from("<II", data, 8)
    found, at = {}, HEADER
    for _ in range(many if version == VERSION else 0):
        if at + SECTION > len(data):
            return {}
        name_len, length = struct.unpack_from("<IQ", data, at)
        at += SECTION
        if at + name_len + length > len(data):
            return {}
        name = data[at:at + name_len].decode("utf-8", "replace")
        found[name] = data[at + name_len:at + name_len + length]
        at += name_len + length
    return found


def prompts(path):
    """{set: {file: text}} of the prompts that the run in directory PATH was made with."""
    found = {}
    if not os.path.isdir(path):
        return found
    for name, data in sections(os.path.join(path, "bundle")).items():
        parts = name.split("/")
        if parts[0] == "prompts" and len(parts) == 3:
            found.setdefault(parts[1], {})[parts[2]] = data.decode("utf-8", "replace")
    return found
