"""Measures a link: rates, delays, and their cost."""

import json
import os
import re
import statistics
import subprocess
import sys
import time

from world import Failure

PORT = 5301  # the links have the ports below
TICKS = os.sysconf("SC_CLK_TCK")
# LARGE fits the MTU of 1420 with some bytes to spare. SMALL is as calls and games send.
LARGE, SMALL = 1372, 64
FIXED = "200M"

# The title of a figure, its unit, and whether more is better.
FIGURES = {
    "tcp1": ("TCP, 1 stream", "Gbit/s", True),
    "tcp4": ("TCP, 4 streams", "Gbit/s", True),
    "tcp_reverse": ("TCP, 1 stream, reverse", "Gbit/s", True),
    "udp_large": (f"UDP of {LARGE} bytes, as fast as it goes", "Gbit/s", True),
    "udp_small": (f"UDP of {SMALL} bytes, as fast as it goes", "1000/s", True),
    "udp_loss": (f"UDP at {FIXED}bit/s, lost", "%", False),
    "ping_idle": ("ping, idle, median", "ms", False),
    "ping_loaded": ("ping under TCP, 95 of 100", "ms", False),
    "cpu": ("CPU of both engines", "s/GB", False),
    "cpu_machine": ("CPU of the machine", "s/GB", False),
    "cpu_softirq": ("of that, in softirqs", "s/GB", False),
    "memory": ("memory of an engine", "MiB", False),
    "idle": ("CPU of both engines, idle", "ms/10 s", False),
}


def cpu_of(processes):
    """Seconds of user and system time. What the kernel does for a process's packets in softirqs on the way is in it:
    veth hands them over at once."""
    ticks = 0
    for pid in processes:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def exact_cpu_of(processes):
    """The same in nanoseconds of running, for processes that hardly run."""
    total = 0
    for pid in processes:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total / 1e9


def cpu_of_machine():
    """Seconds that the machine was busy, and those in softirqs. Other programs count, too."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS, softirq / TICKS


def others():
    """Returns how many processors other programs keep busy, before the measurement."""
    before = cpu_of_machine()[0]
    time.sleep(2)
    return (cpu_of_machine()[0] - before) / 2


def memory_of(pid):
    """Returns the resident memory in MiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"^VmRSS:\s*(\d+)", file.read(), re.M)[1]) / 1024


class Visit:
    """One contender's turn in one round."""

    def __init__(self, world, contender, seconds):
        self.world = world
        self.contender = contender
        self.seconds = seconds
        self.near, self.far = contender.places
        self.address = contender.addresses[1]
        self.found = {}

    def all(self):
        """Measures all figures. One that fails is missing."""
        for measure in (self.ping_idle, self.tcp1, self.tcp4, self.tcp_reverse, self.udp_loss, self.udp_large,
                        self.udp_small, self.memory):
            try:
                measure()
            except (Failure, subprocess.TimeoutExpired, KeyError, ValueError) as error:
                print(f"{self.contender.name}, {measure.__name__}: {error}", file=sys.stderr)
        return self.found

    def iperf(self, *options, beside=None):
        """Runs iperf3, and returns its result. `beside` is called meanwhile."""
        server = self.far.start("iperf3", "-s", "-1", "-4", "--forceflush", "-p", PORT, stdout=subprocess.PIPE,
                                text=True)
        try:
            while "listening" not in (line := server.stdout.readline()):
                if not line:
                    raise Failure("iperf3's server doesn't start")
            client = self.near.start("iperf3", "-c", self.address, "-p", PORT, "-t", self.seconds, "-J", *options,
                                     stdout=subprocess.PIPE, text=True)
            try:
                if beside:
                    beside()
                result = json.loads(client.communicate(timeout=self.seconds + 20)[0])
            finally:
                self.world.end(client)
        finally:
            self.world.end(server)
        if "error" in result:
            raise Failure(result["error"])
        return result["end"]

    def tcp(self, *options, beside=None):
        # The congestion control is the same on each machine.
        return self.iperf("-C", "cubic", *options, beside=beside)["sum_received"]

    def ping(self, interval, count, *options):
        """Pings, and returns the sorted delays in milliseconds."""
        text = self.near.run("ping", "-n", "-i", interval, "-c", count, *options, self.address)
        times = sorted(float(found) for found in re.findall(r" time=([\d.]+) ms", text))
        if len(times) < count / 2:
            raise Failure("most pings got lost")
        return times

    def ping_idle(self):
        self.found["ping_idle"] = statistics.median(self.ping(0.005, 200))

    def ping_loaded(self):
        time.sleep(0.3)
        count = int((self.seconds - 0.5) / 0.01)
        times = self.ping(0.01, count)
        self.found["ping_loaded"] = times[len(times) * 95 // 100]

    def tcp1(self):
        """Measures rate, cost, and delay in one run."""
        own = cpu_of(self.contender.processes)
        machine, softirq = cpu_of_machine()
        received = self.tcp(beside=self.ping_loaded)
        gigabytes = received["bytes"] / 1e9
        if self.contender.processes:
            self.found["cpu"] = (cpu_of(self.contender.processes) - own) / gigabytes
        machine_now, softirq_now = cpu_of_machine()
        self.found["cpu_machine"] = (machine_now - machine) / gigabytes
        self.found["cpu_softirq"] = (softirq_now - softirq) / gigabytes
        self.found["tcp1"] = received["bits_per_second"] / 1e9

    def tcp4(self):
        self.found["tcp4"] = self.tcp("-P", 4)["bits_per_second"] / 1e9

    def tcp_reverse(self):
        self.found["tcp_reverse"] = self.tcp("-R")["bits_per_second"] / 1e9

    def udp(self, rate, size):
        return self.iperf("-u", "-b", rate, "-l", size)["sum_received"]

    def udp_loss(self):
        self.found["udp_loss"] = self.udp(FIXED, LARGE)["lost_percent"]

    def udp_large(self):
        self.found["udp_large"] = self.udp(0, LARGE)["bits_per_second"] / 1e9

    def udp_small(self):
        received = self.udp(0, SMALL)
        self.found["udp_small"] = received["bits_per_second"] / 8 / SMALL / 1000

    def memory(self):
        if self.contender.processes:
            self.found["memory"] = max(memory_of(pid) for pid in self.contender.processes)


def idle(contenders, seconds=10):
    """What all of them cost while nothing is sent, at the same time. After a session is used it is kept alive for a
    while: that is waited for."""
    time.sleep(15)
    before = [exact_cpu_of(contender.processes) for contender in contenders]
    time.sleep(seconds)
    return [(exact_cpu_of(contender.processes) - was) * 1000 * 10 / seconds
            for contender, was in zip(contenders, before)]
