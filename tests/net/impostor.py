#!/usr/bin/env python3
"""A process that has everything that an engine has, or everything but one thing. Will the helper take it for one?

    impostor.py PID DEVICE [NAME=VALUE]...

As root. It makes a TUN device DEVICE in the network namespace of process PID, and holds it as an engine would. It
prints "ready" when it listens, then everything that it is told. It never ends by itself.

    place=new|home|device|user   the network namespace that it is in: one of its own; the one it was started in; the
                                 device's; or one that is owned by a user namespace of its own
    uid=N gid=N                  its user and group in the end
    device=own|null|none         descriptor 3: its device, /dev/null, or closed
    control=good|PATH|...        descriptor 7: see listen(); PATH: it listens in the right namespace, by a path
    answer=done|...              its answer to a request: see answers()
    root=empty|machine           its root directory: as an engine's, or the machine's
    apart=no|user|pid            it is in a user namespace of its own; or in a pid namespace, with a parent outside
    stopped=PROGRAM              has a child that becomes this program, and stops it by ptrace before its first
                                 instruction; what the child has is its own, too
    run=PROGRAM                  becomes this program, which is a copy of the engine's; who lets it go on is a child,
                                 which ends then
"""
import array
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import time

PR_SET_PDEATHSIG = 1
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_REC, MS_PRIVATE, MNT_DETACH = 1, 0x4000, 0x40000, 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}[os.uname().machine]
PTRACE_TRACEME, PTRACE_SETOPTIONS, PTRACE_O_EXITKILL = 0, 0x4200, 0x00100000
TUNSETIFF, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D8
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN, UDP4, UDP6, START, CONTROL, FREE = 3, 4, 5, 6, 7, 20
NAME = "\0cwg-engine"
HEX = b"ab" * 32
OWN = b"own_public_key=" + HEX + b"\nlisten_port=4242\n"
PEER = (b"public_key=" + b"cd" * 32 + b"\nprotocol_version=1\nendpoint=[fe80::77]:4243\n"
        b"last_handshake_age_ms=9223372036854775807\ntx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=65535\n")
DONE = b"errno=0\n\n"
LIBC = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result != 0:
        sys.exit(f"impostor: {os.strerror(ctypes.get_errno())}")


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    call(LIBC.setns(fd, CLONE_NEWNET))
    os.close(fd)


def put(fd, number):
    """Gives a descriptor the number that it has in an engine."""
    if fd != number:
        os.dup2(fd, number)
        os.close(fd)


def make_device(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", 10))
    put(fd, TUN)


def empty_root():
    """Enters an empty root directory, as child.c does."""
    call(LIBC.unshare(CLONE_NEWNS))
    call(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    call(LIBC.mount(b"none", b"/proc", b"tmpfs", MS_RDONLY, b"size=4096,nr_inodes=1,mode=0555"))
    os.chdir("/proc")
    call(LIBC.syscall(PIVOT_ROOT, b".", b"."))
    call(LIBC.umount2(b".", MNT_DETACH))
    os.chdir("/")


def go_to(place, root, apart, home, uid, gid):
    if place == "home":
        call(LIBC.setns(home, CLONE_NEWNET))
    if place == "new":
        call(LIBC.unshare(CLONE_NEWNET))
    if root == "empty":
        empty_root()
    if apart == "pid":
        call(LIBC.unshare(CLONE_NEWPID))
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            sys.exit()
    if uid:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if apart == "pid":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a new user id takes it back
    if apart == "user":
        call(LIBC.unshare(CLONE_NEWUSER))
    if place == "user":
        call(LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNET))


def listener(kind=socket.SOCK_SEQPACKET, name=NAME):
    fd = socket.socket(socket.AF_UNIX, kind)
    fd.bind(name)
    if kind != socket.SOCK_DGRAM:
        fd.listen(8)
    return fd


def listen(control, elsewhere):
    """Makes descriptor 7. Returns the socket that gets the requests."""
    if control == "stream":
        there = listener(socket.SOCK_STREAM)
    elif control == "datagrams":
        there = listener(socket.SOCK_DGRAM)
    elif control == "bound":
        there = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        there.bind(NAME)
    elif control == "internet":
        there = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        there.listen(8)
    elif control == "file":
        there = open(os.memfd_create("file"), "wb")
    elif control == "elsewhere":
        # It listens in the device's namespace; in its own, the name is another's to answer by, here the same process's.
        os.dup2(elsewhere.fileno(), CONTROL)
        return listener()
    elif control == "none":
        return listener()
    elif control.startswith("/"):
        there = elsewhere
    else:
        there = listener()
    os.dup2(there.fileno(), CONTROL)
    return there


def answers(how, request):
    """Returns the answer, message by message."""
    return {
        "done": [DONE if request.startswith(b"set") else OWN + DONE],
        "refuse": [b"errno=22\n\n"],
        "nothing": [],
        "end": None,
        "a byte": [b"x"],
        "garbage": [os.urandom(300)],
        "escapes": [b"own_public_key=\x1b[2J" + HEX + b"\nlisten_port=1\n" + DONE],
        "no errno": [OWN],
        "too much": [OWN + PEER + b"allowed_ip=10.0.0.1/32\n" * 4000 + DONE],
        "a descriptor": [OWN + DONE],
        "lies": [OWN + PEER + DONE],
    }[how]


def send(client, how, message):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))] if how == "a descriptor" else []
    try:
        client.sendmsg([message], rights)
    except OSError as error:
        print(error, flush=True)


def serve(there, how):
    """Accepts all clients, if clients can come."""
    clients = []
    while not hasattr(there, "accept") or not there.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        time.sleep(60)
    while True:
        client = there.accept()[0]
        request = client.recv(8192)
        print(request.decode(), flush=True)
        messages = answers(how, request)
        if messages is None:
            client.close()
            continue
        for message in messages:
            send(client, how, message)
        clients.append(client)


def let_go_on(start):
    """Does what the helper does for an engine that it has started."""
    os.closerange(TUN, FREE)
    if start.recv(32):
        start.send(b"g")
        print("ready", flush=True)
    os._exit(0)


def stop_child(program):
    child = os.fork()
    if child == 0:
        for number in (0, 1, 2, TUN, UDP4, UDP6, CONTROL):
            os.set_inheritable(number, True)
        call(LIBC.ptrace(PTRACE_TRACEME, 0, None, None))
        os.execve(program, ["cwg-engine"], {})
    os.waitpid(child, 0)
    call(LIBC.ptrace(PTRACE_SETOPTIONS, child, None, ctypes.c_void_p(PTRACE_O_EXITKILL)))


def become(program, where):
    ours, engines = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours = socket.socket(fileno=fcntl.fcntl(ours.detach(), fcntl.F_DUPFD, FREE))
    if os.fork() == 0:
        let_go_on(ours)
    there = os.open(program, os.O_PATH)
    put(engines.detach(), START)
    go_to(*where)
    for number in (0, 1, 2, TUN, UDP4, UDP6, START):
        os.set_inheritable(number, True)
    os.execve(there, ["cwg-engine"], {})


def main():
    pid, device = sys.argv[1:3]
    options = {"place": "new", "device": "own", "control": "good", "answer": "done", "uid": "0", "gid": "0", "run": "",
               "root": "empty", "apart": "no", "stopped": ""}
    options.update(word.split("=", 1) for word in sys.argv[3:])
    home = fcntl.fcntl(os.open("/proc/self/ns/net", os.O_RDONLY), fcntl.F_DUPFD, FREE)
    os.closerange(TUN, FREE)
    enter(f"/proc/{pid}/ns/net")
    make_device(device)
    for number, family in ((UDP4, socket.AF_INET), (UDP6, socket.AF_INET6)):
        put(socket.socket(family, socket.SOCK_DGRAM).detach(), number)
    where = (options["place"], options["root"], options["apart"], home, int(options["uid"]), int(options["gid"]))
    if options["run"]:
        become(options["run"], where)
    if options["device"] == "null":
        put(os.open("/dev/null", os.O_RDWR), TUN)
    elif options["device"] == "none":
        os.close(TUN)
    elsewhere = listener() if options["control"] == "elsewhere" else None
    if options["control"].startswith("/"):
        # In its own network namespace, and in the machine's root directory, where the path leads to it.
        call(LIBC.unshare(CLONE_NEWNET))
        elsewhere = listener(name=options["control"])
        os.chmod(options["control"], 0o666)
        where = ("here", *where[1:])
    stopped = os.open(options["stopped"], os.O_PATH) if options["stopped"] else None
    go_to(*where)
    there = listen(options["control"], elsewhere)
    if stopped is not None:
        stop_child(stopped)
    print("ready", flush=True)
    serve(there, options["answer"])


main()
