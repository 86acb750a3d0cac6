"""Becomes another program in hostile surroundings: weird_exec.py SURROUNDINGS PROGRAM [ARGUMENT]...

noargv      argc is 0 (Linux 5.18 and later make argv {""} of it)
closed=123  standard input (1), output (2) and error (3) are closed, or some of them
netlink     standard output is a NETLINK_ROUTE socket
many        300 more descriptors are open: pipes, sockets, files, "/"
blocked     all signals are blocked, SIGCHLD and SIGPIPE are ignored
poison      the environment is poisoned; files would be written to the current directory
"""
import ctypes
import os
import signal
import socket
import sys

MANY = 300
# LD_PROFILE isn't here: glibc heeds it, with a place of its own for the output, and complains if that place is missing.
POISON = """LD_PRELOAD=./poison.so LD_LIBRARY_PATH=. LD_AUDIT=./poison.so LD_DEBUG=all LD_DEBUG_OUTPUT=debug LD_PROFILE=
LD_PROFILE_OUTPUT=/tmp LD_BIND_NOW=1 GCONV_PATH=. GETCONF_DIR=. HOSTALIASES=./hosts LOCPATH=. NLSPATH=./%N
LANG=../../weird LC_ALL=../../weird LANGUAGE=%s%s%s%n TZ=:/etc/shadow TZDIR=. MALLOC_CHECK_=3 MALLOC_PERTURB_=255
MALLOC_TRACE=trace MALLOC_ARENA_MAX=0 GLIBC_TUNABLES=glibc.malloc.check=3:glibc.malloc.mxfast=glibc.malloc.mxfast=A
RES_OPTIONS=debug LOCALDOMAIN=example.invalid RESOLV_HOST_CONF=/etc/shadow POSIXLY_CORRECT=1 TMPDIR=. PATH=. IFS=/
ENV=./poison.sh BASH_ENV=./poison.sh HOME=/nonexistent SHELL=/bin/false =without_a_name without_a_value""".split()


def open_some():
    """Opens some descriptors, one or two of each kind, which the program inherits."""
    kept = os.pipe() + (os.open("/dev/null", os.O_RDWR), os.open("/", os.O_RDONLY), os.memfd_create("weird"))
    for sock in socket.socketpair(type=socket.SOCK_DGRAM) + (socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),):
        kept += (sock.detach(),)
    for descriptor in kept:
        os.set_inheritable(descriptor, True)


def main(surroundings, *command):
    environment = [f"{name}={value}" for name, value in os.environ.items()]
    arguments = command
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores these two
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if surroundings == "noargv":
        arguments = ()
    elif surroundings.startswith("closed="):
        for number in surroundings[7:]:
            os.close(int(number) - 1)
    elif surroundings == "netlink":
        sink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        sink.bind((0, 0))
        os.dup2(sink.fileno(), 1)
    elif surroundings == "many":
        for _ in range(MANY // 8 + 1):
            open_some()
    elif surroundings == "blocked":
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    elif surroundings == "poison":
        environment = POISON
    else:
        sys.exit(__doc__)
    # os.execve() takes neither an empty argv nor a variable without a name.
    words = [(ctypes.c_char_p * (len(texts) + 1))(*map(os.fsencode, texts)) for texts in (arguments, environment)]
    ctypes.CDLL(None).execve(os.fsencode(command[0]), *words)
    os._exit(126)


main(*sys.argv[1:])
