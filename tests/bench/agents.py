"""What the benchmarks of `cwg agent` share: containers by name, a stand-in for podman, and what processes use.

A container is a process in a network namespace of its own. `podman` is a program of a few lines that tells of those
that are in the files below $HOME/containers: podman itself takes a second for each start.
"""

import os
import shutil
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "engine"))

from world import wait_for  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")

PODMAN = """#!/bin/sh
[ "$1" = container ] || { echo false; exit; }
shift 4
status=0
for name; do
    if read -r pid 2>/dev/null <"$HOME/containers/$name"; then
        echo "$pid id$pid $name"
    else
        echo "Error: no such container $name" >&2
        status=125
    fi
done
exit $status
"""


def install_programs(world, cwg):
    """Puts `cwg` and `podman` into the world's folder, where the helper is. Everybody may run them."""
    shutil.copy(cwg, os.path.join(world.folder, "cwg"))
    podman = os.path.join(world.folder, "podman")
    with open(podman, "w", encoding="ascii") as file:
        file.write(PODMAN)
    os.chmod(podman, 0o755)


def as_user(user, group, home, path, *command):
    """A command of a user without any privilege."""
    return ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--inh-caps=-all", "--",
            "env", "-i", f"HOME={home}", f"PATH={path}:/usr/bin:/bin", "LC_ALL=C", *command]


class Containers:
    """Those of one user."""

    def __init__(self, world, home):
        self.world, self.running = world, {}
        self.folder = os.path.join(home, "containers")
        os.makedirs(self.folder)

    def start(self, *names):
        host = os.readlink("/proc/self/ns/net")
        made = [(name, self.world.start("unshare", "--net", "--", "sleep", "infinity")) for name in names]
        for name, process in made:
            wait_for("a container", 30, lambda pid=process.pid: os.readlink(f"/proc/{pid}/ns/net") != host)
            path = os.path.join(self.folder, name)
            with open(path + ".new", "w", encoding="ascii") as file:
                file.write(f"{process.pid}\n")
            os.rename(path + ".new", path)
            self.running[name] = process

    def pid(self, name):
        return self.running[name].pid

    def stop(self, *names):
        ended = [self.running.pop(name) for name in names]
        for name in names:
            os.unlink(os.path.join(self.folder, name))
        for process in ended:
            process.kill()
        for process in ended:
            process.wait()
        gone = {process.pid for process in ended}
        self.world.processes = [process for process in self.world.processes if process.pid not in gone]

    def stop_all(self):
        self.stop(*list(self.running))


def end_all(world):
    """Ends all processes at once, which the world's end does one by one."""
    for process in world.processes:
        process.terminate()
    time.sleep(1)
    for process in world.processes:
        process.kill()


# What processes use


def fields_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()


def seconds_of(pid, children=False):
    """Of the processor, with those of the children that have ended."""
    return sum(int(field) for field in fields_of(pid)[11 : 15 if children else 13]) / TICKS


def resident_of(pid):
    """MiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def proportional_of(pid):
    """MiB, with its part of what it shares with others."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def free_memory():
    """MiB."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable")) / 1024


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def helpers_of(agent):
    """Its batches, with the processes that they have for their own work."""
    batches = [pid for pid in children_of(agent) if "batch" in words_of(pid)]
    return batches + [child for pid in batches for child in children_of(pid)]


def couriers_of(agent):
    return [pid for pid in children_of(agent) if "etcd" in words_of(pid)]


def words_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return file.read().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def engines():
    """The processes of all links on the machine that this program sees: scripts/apart hides all others."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit() and words_of(name)[:1] == ["cwg-engine"]:
            found.add(int(name))
    return found


def namespaces():
    """How many network namespaces the kernel has, about: those of killed containers go after a while."""
    with open("/proc/slabinfo", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("net_namespace"))


def settle():
    """Waits until all engines have gone, and no more namespaces go."""
    end, least, since = time.monotonic() + 120, namespaces(), time.monotonic()
    while (engines() or time.monotonic() < since + 3) and time.monotonic() < end:
        if (now := namespaces()) < least:
            least, since = now, time.monotonic()
        time.sleep(0.2)


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


# What agents tell


def metric(path, name):
    """The sum of a metric of the agent that serves its metrics at this unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(path)
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b""
        while chunk := client.recv(65536):
            text += chunk
    return sum(float(line.split()[-1]) for line in text.decode().splitlines()
               if line.split("{")[0].split(" ")[0] == name)


class Ends:
    """Those of one store or several whose states are waited for."""

    def __init__(self, paths):
        self.waiting, self.took = set(paths), 0.0

    def count(self, state):
        """How many aren't in a state yet. One that has been is not looked at again."""
        begun = time.monotonic()
        self.waiting = {path for path in self.waiting if not says(path, state)}
        self.took = time.monotonic() - begun
        return len(self.waiting)

    def pause(self):
        """Sleeps long enough for the looks to be no load."""
        time.sleep(max(0.1, 20 * self.took))


def says(path, state):
    """Does a file of a store tell of this state?"""
    try:
        with open(path, encoding="utf-8") as file:
            return f'"state":"{state}"' in file.read().replace("\\", "")  # also within a record
    except FileNotFoundError:
        return False


def until(paths, state, seconds, check=lambda: None):
    """Waits until all of the files tell of a state, and checks meanwhile. Returns seconds of the clock, and how many
    don't."""
    begun = time.monotonic()
    ends = Ends(paths)
    while (left := ends.count(state)) and time.monotonic() < begun + seconds:
        check()
        ends.pause()
    return time.monotonic() - begun, left
