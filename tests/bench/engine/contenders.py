"""The contenders: each joins two places that have a path between them, and names the processes that carry the link."""

import os
import re
import shutil

from world import Failure, run, wait_for

APPLICATION = 61234  # no name, no group of note, no privilege


class Ours:
    """The helper, called by an application without privilege, as the product is. Its programs are installed where that
    helper looks for its engine."""

    def __init__(self, world, helper, engine, engine_path):
        self.world = world
        self.engine_path = engine_path
        self.helper = os.path.join(world.folder, "net-admin-helper")
        install(helper, self.helper, 0o750)
        run("setcap", "cap_net_admin,cap_sys_admin,cap_sys_ptrace=p", self.helper)
        os.makedirs(os.path.dirname(engine_path), mode=0o755, exist_ok=True)
        install(engine, engine_path + ".new", 0o710)
        os.rename(engine_path + ".new", engine_path)
        os.chmod("/dev/net/tun", 0o666)  # as udev has it
        self.version = run(engine, "--version").split()[-1]

    def call(self, site, task, *arguments):
        return site.run("setpriv", "--reuid", APPLICATION, "--regid", APPLICATION, "--clear-groups",
                        "--inh-caps=-all", "--", "env", "--", self.helper, f"cwg_{task}", *arguments)

    def link(self, containers, net, ports):
        """A whole link between two containers."""
        sites = self.world.sites
        keys = [self.call(sites[end], "create", containers[end], net, end, ports[end]) for end in (0, 1)]
        for end in (0, 1):
            other = 1 - end
            self.call(sites[end], "connect", containers[end], net, other, f"192.0.2.{other + 1}:{ports[other]}",
                      keys[other])

    def engines(self, namespace):
        """Returns the processes that carry a container's links."""
        links = namespace.run("ip", "link", "show")
        return [int(pid) for pid in re.findall(r"alias net-admin-helper: engine, process (\d+)", links)]


class EngineLink:
    """This project's engine, as a contender."""

    name, title = "ours", "cwg-engine"

    def __init__(self, ours):
        pids, self.places = zip(*(ours.world.container() for _ in (0, 1)))
        ours.link(pids, 7, (5101, 5102))
        self.addresses = ("10.0.0.14", "10.0.0.15")
        self.processes = [ours.engines(place)[0] for place in self.places]
        self.version = ours.version


class WireguardGo:
    """wireguard-go the usual way: started at the site, where its UDP socket is to be, and its device moved to the
    container."""

    def __init__(self, world, folder, name, number):
        self.world = world
        self.name, self.title = name, "wireguard-go"
        self.program = os.path.join(folder, name)
        with open(self.program + ".version", encoding="ascii") as file:
            self.version = file.read().partition("-")[0]
        self.addresses = tuple(f"10.1.{number}.{end}" for end in (0, 1))
        self.ports = tuple(5200 + 2 * number + end for end in (0, 1))
        self.processes, self.places, self.devices, keys = [], [], [], []
        for end in (0, 1):
            pid, place = world.container()
            self.places.append(place)
            keys.append(self.make(number, end, pid))
        for end in (0, 1):
            self.join(end, keys[1 - end])

    def make(self, number, end, container):
        """Makes one end. Returns its public key."""
        site, place = self.world.sites[end], self.places[end]
        device = f"b{os.getpid() % 10**8}-{number}{end}"  # its socket has this name, on the whole machine
        environment = {"PATH": os.environ["PATH"], "LOG_LEVEL": "silent", "WG_PROCESS_FOREGROUND": "1"}
        process = site.start(self.program, "--foreground", device, env=environment)
        wait_for(f"wireguard-go {self.version}", 10, lambda: os.path.exists(f"/var/run/wireguard/{device}.sock"))
        self.processes.append(process.pid)
        self.devices.append(device)
        private = run("wg", "genkey")
        run("wg", "set", device, "private-key", "/dev/stdin", "listen-port", self.ports[end], input=private)
        site.run("ip", "link", "set", device, "mtu", 1420, "netns", container)
        place.run("ip", "address", "add", f"{self.addresses[end]}/31", "dev", device)
        place.run("ip", "link", "set", device, "up")
        return run("wg", "pubkey", input=private)

    def join(self, end, key):
        other = 1 - end
        run("wg", "set", self.devices[end], "peer", key, "endpoint", f"192.0.2.{other + 1}:{self.ports[other]}",
            "allowed-ips", f"{self.addresses[other]}/32")


class Veth:
    """No WireGuard: a bare veth."""

    name, title, version = "veth", "bare veth", ""

    def __init__(self, world):
        self.places = world.sites
        self.addresses = ("192.0.2.1", "192.0.2.2")
        self.processes = []


def install(source, target, mode):
    shutil.copyfile(source, target)
    run("strip", target)
    os.chown(target, 0, APPLICATION)
    os.chmod(target, mode)


def all_of_them(world, ours, peers):
    """Returns the available contenders. Each was tried."""
    contenders = [Veth(world)]
    for number, name in enumerate(("distribution", "newest")):
        if os.path.exists(os.path.join(peers, name)):
            contenders.append(WireguardGo(world, peers, name, number))
    contenders.append(EngineLink(ours))
    for contender in contenders:
        wait_for(f"{contender.title} {contender.version} to work", 15, lambda: answers(contender))
    return contenders


def answers(contender):
    try:
        contender.places[0].run("ping", "-c", 1, "-W", 1, contender.addresses[1])
    except Failure:
        return False
    return True
