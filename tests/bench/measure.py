"""What the benchmarks of commands share: programs that are run and timed, containers, and what a link has to be like.

Times are CLOCK_MONOTONIC's, from before the process is made until it is gone (spawn.c). This program has no threads: so
it can take on the application's user and a container's network namespace itself, and the process that it makes has
them. All of that, and whatever is looked at, is done outside of the time that is taken.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys

APPLICATION = 61234  # no name, no group of note, no privilege; as in `tree`
TASKS = ("cwg_create", "cwg_connect", "cwg_destroy")
CREATE, CONNECT, DESTROY = TASKS
HELPER = "/bench/net-admin-helper"
ENDPOINT, PEER_KEY = "192.0.2.7:5107", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
ENVIRONMENT = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
ROUNDS_MAX = 1000

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFNETMASK = 0x8913, 0x8915, 0x891B
IFF_UP = 1

libc = ctypes.CDLL(None, use_errno=True)
spawner = ctypes.CDLL(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/bench/spawn.so"))
nothing = os.open("/dev/null", os.O_RDWR)


class Failure(Exception):
    """A measured program failed."""


def call(function, *arguments):
    if getattr(libc, function)(*arguments) < 0:
        raise Failure(f"{function}: {os.strerror(ctypes.get_errno())}")


def number(text, least, most):
    """Reads a number of the command line, or ends the program."""
    if not text.isdecimal() or not least <= int(text) <= most:
        sys.exit(f"{text}: not a number from {least} to {most}")
    return int(text)


@contextlib.contextmanager
def application(wanted=True):
    """Is the application for a while. The saved ids, which lead back, don't outlive execve()."""
    if wanted:
        os.setgroups([])
        os.setresgid(APPLICATION, APPLICATION, 0)
        os.setresuid(APPLICATION, APPLICATION, 0)
    yield
    os.setresuid(0, 0, 0)
    os.setresgid(0, 0, 0)


def strings(words):
    """Makes an array of strings for execve()."""
    return (ctypes.c_char_p * (len(words) + 1))(*(word.encode() for word in words))


def run(argv, output, given=None):
    """Runs a program. Returns milliseconds, by the clock and of the processor, with all children."""
    milliseconds = (ctypes.c_double * 2)()
    status = spawner.spawn(strings(argv), strings(ENVIRONMENT), nothing if given is None else given, output,
                           milliseconds)
    if status:
        raise Failure(f"{argv[0]} {argv[1]} failed: status {status:#x}")
    return tuple(milliseconds)


def read_all(descriptor):
    """Reads text without the last end of line. It imports nothing: the program may be below chroot()."""
    found = b"".join(iter(lambda: os.read(descriptor, 65536), b""))
    os.close(descriptor)
    return found.decode().rstrip("\n")


def words(task, pid, net, host, port):
    """Returns the words of a command behind the program. cwg_connect gets the other end."""
    if task == CONNECT:
        return [task, str(pid), str(net), str(1 - host), ENDPOINT, PEER_KEY]
    return [task, str(pid), str(net), str(host)] + ([str(port)] if task == CREATE else [])


def address(net, host):
    return socket.inet_ntoa(struct.pack(">I", (10 << 24) + 2 * net + host))


class Container:
    """A process in a network namespace of its own, as a container. It ends with this program."""

    def __init__(self):
        ready, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)
            call("unshare", CLONE_NEWNET)
            os.write(tell, b"+")
            while True:
                signal.pause()
        os.close(tell)
        if not os.read(ready, 1):
            raise Failure("can't start a container")
        os.close(ready)
        self.netns = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)

    @contextlib.contextmanager
    def inside(self):
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        call("setns", self.netns, CLONE_NEWNET)
        yield
        call("setns", home, CLONE_NEWNET)
        os.close(home)

    def properties(self, name):
        """Returns a device's flags, address and netmask, or None."""
        with self.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            asked = name.encode().ljust(40, b"\0")
            try:
                flags, *addresses = (fcntl.ioctl(any_socket, what, asked)
                                     for what in (SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFNETMASK))
            except OSError:
                return None
        return (struct.unpack_from("H", flags, 16)[0], *(socket.inet_ntoa(found[20:24]) for found in addresses))

    def show(self, name):
        """Returns what `wg` says of a device without the private key: a line of the device, a line of each peer."""
        ours, theirs = os.pipe()
        with self.inside():
            run(["/usr/bin/wg", "show", name, "dump"], theirs)
        os.close(theirs)
        return read_all(ours).partition("\t")[2]


def is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def check_link(container, net, host, port, key, connected):
    """Checks the device by `wg` and the kernel, and its UDP socket in this namespace."""
    name = f"wg-{net}-{host}"
    wanted = f"{key}\t{port}\toff"
    if connected:
        wanted += f"\n{PEER_KEY}\t(none)\t{ENDPOINT}\t{address(net, 1 - host)}/32\t0\t0\t0\toff"
    found = container.show(name)
    if found != wanted:
        raise Failure(f"{name} is not as it should be: {found!r}, not {wanted!r}")
    flags, own, mask = container.properties(name) or (0, "", "")
    if not flags & IFF_UP or own != address(net, host) or mask != "255.255.255.254":
        raise Failure(f"{name} is not up, or its address is wrong")
    if is_free(port):
        raise Failure(f"{name} has no UDP socket here")


def check_gone(container, net, host, port):
    if container.properties(f"wg-{net}-{host}") or not is_free(port):
        raise Failure(f"something is left of wg-{net}-{host}")


def main(function, *arguments):
    try:
        function(*arguments)
    except (Failure, OSError) as failure:
        print(f"{sys.argv[0]}: {failure}", file=sys.stderr)
        sys.exit(2)
