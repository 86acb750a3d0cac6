"""Two machines with a container each, in miniature, and whatever runs in them; all of it is gone in the end.

         site 1                                 site 2
    +---------------------------+          +---------------------------+
    |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
    |  +-----------+     engine |          | engine     +-----------+  |
    |  | container |            |          |            | container |  |
    |  +-----------+            |          |            +-----------+  |
    +---------------------------+          +---------------------------+

A site is a network namespace, as a machine would be; a container is a process in one of its own.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time


class Failure(Exception):
    """A measured thing doesn't work."""


def run(*command, **options):
    """Runs a program, and returns its output; raises a Failure with its error."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()


def wait_for(what, seconds, condition):
    """Waits for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"waited in vain for {what}")
        time.sleep(0.02)


class Namespace:
    """A network namespace, by a path, in which programs run."""

    def __init__(self, world, path):
        self.world = world
        self.path = path

    def command(self, *command):
        return ["nsenter", f"--net={self.path}", "--", *map(str, command)]

    def run(self, *command, **options):
        return run(*self.command(*command), **options)

    def start(self, *command, **options):
        return self.world.start(*self.command(*command), **options)


class World:
    """A context: everything made in it ends with it."""

    def __init__(self, sites=2):
        self.processes = []
        self.names = [f"cwg-bench-{os.getpid()}-{number}" for number in range(1, sites + 1)]
        self.sites = [Namespace(self, f"/run/netns/{name}") for name in self.names]
        self.folder = None

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self.folder = tempfile.mkdtemp(prefix="cwg-bench-")
        os.chmod(self.folder, 0o755)
        try:
            self.make_sites()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make_sites(self):
        for name in self.names:
            run("ip", "netns", "add", name)
        one, two = self.names
        run("ip", "-n", one, "link", "add", "v1", "type", "veth", "peer", "name", "v2", "netns", two)
        for number, name in enumerate(self.names, 1):
            run("ip", "-n", name, "address", "add", f"192.0.2.{number}/24", "dev", f"v{number}")
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "link", "set", f"v{number}", "up")

    def __exit__(self, *_):
        for process in reversed(self.processes):
            end(process)
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *command, **options):
        """Starts a process, which ends with the world at the latest."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        process = subprocess.Popen([str(part) for part in command], **options)
        self.processes.append(process)
        return process

    def end(self, process):
        end(process)
        self.processes.remove(process)

    def container(self):
        """Starts a container. Returns its process's number, and its namespace."""
        process = self.start("unshare", "--net", "--", "sh", "-c", "ip link set lo up && exec sleep infinity")
        wait_for("a container", 10, lambda: command_of(process.pid) == "sleep")
        return process.pid, Namespace(self, f"/proc/{process.pid}/ns/net")


def end(process):
    """Asks wireguard-go to end: only so it removes its socket."""
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def command_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        return file.read().strip()
