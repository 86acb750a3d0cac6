#!/usr/bin/env python3
"""A file system of FUSE with one file, x, whose server never answers a write: fuse.py DIRECTORY UID [statfs]

With "statfs" it answers statfs(), without which no overlay can be mounted on it.

Prints "ready" when it is mounted. It ends with its mount, or after two minutes."""
import ctypes
import os
import signal
import struct
import sys

LOOKUP, GETATTR, SETATTR, OPEN, WRITE, STATFS, RELEASE, FLUSH, INIT = 1, 3, 4, 14, 16, 17, 18, 25, 26
FORGET, BATCH_FORGET = 2, 42
ENOSYS = 38
directory, uid = sys.argv[1], int(sys.argv[2])
device = os.open("/dev/fuse", os.O_RDWR)


def attributes(node):
    """struct fuse_attr (include/uapi/linux/fuse.h)"""
    mode = 0o40755 if node == 1 else 0o100666
    return struct.pack("6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, uid, uid, 0, 4096, 0)


def answer(unique, data=b"", error=0):
    """struct fuse_out_header, and what belongs to the call"""
    os.write(device, struct.pack("IiQ", 16 + len(data), -error, unique) + data)


def serve(call, unique, node):
    """Answers one request, but no write."""
    if call == INIT:
        answer(unique, struct.pack("4I2H2I2H8I", 7, 31, 65536, 0, 12, 9, 65536, 1, 16, 0, *[0] * 8))
    elif call == LOOKUP:
        answer(unique, struct.pack("4Q2I", 2, 0, 100, 100, 0, 0) + attributes(2))
    elif call in (GETATTR, SETATTR):
        answer(unique, struct.pack("Q2I", 100, 0, 0) + attributes(node))
    elif call == OPEN:
        answer(unique, struct.pack("Q2I", 7, 1, 0))
    elif call == STATFS and sys.argv[3:] == ["statfs"]:
        answer(unique, struct.pack("5Q10I", *[0] * 6, 255, *[0] * 8))
    elif call in (RELEASE, FLUSH):
        answer(unique)
    elif call not in (WRITE, FORGET, BATCH_FORGET):
        answer(unique, error=ENOSYS)


signal.alarm(120)
options = f"fd={device},rootmode=40000,user_id={uid},group_id={uid},allow_other"
if ctypes.CDLL(None).mount(b"fuse", directory.encode(), b"fuse", 2 | 4, options.encode()) != 0:
    sys.exit("can't mount it")
print("ready", flush=True)
while True:
    try:
        request = os.read(device, 1 << 18)
    except OSError:
        break
    _, number, unique_id, inode = struct.unpack("IIQQ", request[:24])
    serve(number, unique_id, inode)
