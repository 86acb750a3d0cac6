"""The middle of tests/bench/fleet: a namespace that routes between all sites, with etcd and the helper's log."""

import os
import subprocess
import sys

from world import Failure, Namespace, run, wait_for

ADDRESS, PORT, METRICS = "198.19.255.1", 2379, "http://127.0.0.1:2381/metrics"
FIRST = 198 << 24 | 18 << 16
GROUP = 61234  # as in engine/contenders.py
USER, PASSWORD = "fleet", "no secret at all"

DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0),
           "net/tun": (10, 200)}

# Writes each line of the helpers' logs behind the moment at which it came.
LISTENER = """
import os, socket, sys, time
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
os.chmod("/dev/log", 0o666)
with open(sys.argv[1], "ab", buffering=0) as lines:
    while True:
        line = log.recv(65536)
        lines.write(b"%f %s\\n" % (time.monotonic(), line))
"""

# What etcd 3.4 calls what it counts.
COUNTERS = {"writes": "etcd_debugging_mvcc_put_total", "proposals": "etcd_server_proposals_committed_total",
            "bytes in": "etcd_network_client_grpc_received_bytes_total",
            "bytes out": "etcd_network_client_grpc_sent_bytes_total"}
GAUGES = {"db": "etcd_mvcc_db_total_size_in_bytes", "in use": "etcd_mvcc_db_total_size_in_use_in_bytes"}


class Figures(dict):
    """What etcd has counted."""

    def difference(self, before):
        counted = ", ".join(f"{name} {self[name] - before[name]:.0f}" for name in COUNTERS)
        return f"{counted}, {self}"

    def __str__(self):
        return ", ".join(f"{name} {self[name] / 2**20:.2f} MiB" for name in GAUGES)


def address(site, end):
    """A site's own address (1), or the hub's at it (0)."""
    number = FIRST + 4 * site + 1 + end
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


class Hub(Namespace):
    def __init__(self, world):
        self.name = f"{world.names[0][:-2]}-hub"
        super().__init__(world, f"/run/netns/{self.name}")
        self.etcd = self.programs = None

    def make_sites(self):
        """Makes its own namespace and all sites."""
        names = self.world.names
        run("ip", "-batch", "-", input="".join(f"netns add {name}\n" for name in [self.name, *names]))
        self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 4096 >/proc/sys/net/unix/max_dgram_qlen")
        lines = [f"link set lo up\naddress add {ADDRESS}/32 dev lo"]
        for i, name in enumerate(names):
            lines += [f"link add h{i} type veth peer name v netns {name}",
                      f"address add {address(i, 0)}/30 dev h{i}", f"link set h{i} up"]
        run("ip", "-n", self.name, "-batch", "-", input="\n".join(lines) + "\n")
        for i, name in enumerate(names):
            run("ip", "-n", name, "-batch", "-",
                input=f"link set lo up\naddress add {address(i, 1)}/30 dev v\nlink set v up\n"
                      f"route add default via {address(i, 0)}\n")

    def open(self, programs, tls):
        """Starts to listen to the helpers, and etcd."""
        self.programs = programs
        self.cover_dev()
        self.start(sys.executable, "-c", LISTENER, os.path.join(self.world.folder, "audit"))
        wait_for("the log", 10, lambda: os.path.exists("/dev/log"))
        if tls:
            self.make_certificates()
        self.start_etcd(tls)
        if tls:
            self.make_user()

    def cover_dev(self):
        """A /dev of this program's own, with what the programs need."""
        if "NAH_APART" not in os.environ:
            raise Failure("run it by scripts/apart: it covers /dev")
        dev = os.path.join(self.world.folder, "dev")
        os.mkdir(dev)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "bench", dev)
        os.mkdir(os.path.join(dev, "net"))
        os.mkdir(os.path.join(dev, "shm"))
        os.chmod(os.path.join(dev, "shm"), 0o1777)
        for name, numbers in DEVICES.items():
            run("mknod", "-m", "0666", os.path.join(dev, name), "c", *numbers)
        os.symlink("/proc/self/fd", os.path.join(dev, "fd"))
        run("mount", "--make-rprivate", "/")
        run("mount", "--move", dev, "/dev")

    def audit(self, since):
        """What the helpers have changed since a moment, each line with its moment."""
        with open(os.path.join(self.world.folder, "audit"), encoding="utf-8") as file:
            lines = [line.split(" ", 1) for line in file.read().splitlines()]
        return [(float(when), line) for when, line in lines if float(when) >= since]

    # etcd

    def url(self, tls):
        return f"http{'s' if tls else ''}://{ADDRESS}:{PORT}"

    def file(self, name):
        return os.path.join(self.world.folder, name)

    def start_etcd(self, tls):
        """Starts it, and waits until it answers. Its history of the last minute is kept."""
        options = ["--data-dir", self.file("etcd"), "--log-level", "error", "--listen-client-urls", self.url(tls),
                   "--advertise-client-urls", self.url(tls), "--listen-metrics-urls", METRICS.rpartition("/")[0],
                   "--auto-compaction-mode", "periodic", "--auto-compaction-retention", "1m"]
        if tls:
            options += ["--cert-file", self.file("server.pem"), "--key-file", self.file("server.key"),
                        "--trusted-ca-file", self.file("ca.pem"), "--client-cert-auth"]
        with open(self.file("etcd.log"), "ab") as log:
            self.etcd = self.start(os.path.join(self.programs, "etcd"), *options, stderr=log)
        wait_for("etcd", 60, self.figures)

    def stop_etcd(self):
        self.world.end(self.etcd)

    def check_etcd(self):
        if self.etcd.poll() is not None:
            with open(self.file("etcd.log"), encoding="utf-8") as file:
                raise Failure(f"etcd has ended with {self.etcd.returncode}:\n{file.read()[:3000]}")

    def figures(self):
        """What it has counted; None if it doesn't answer."""
        done = subprocess.run(
            self.command(sys.executable, "-c", "import sys, urllib.request\n"
                         "print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())", METRICS),
            capture_output=True, text=True, check=False)
        values = {}
        for line in done.stdout.splitlines():
            if line and line[0] != "#":
                values[line.split("{")[0].split()[0]] = float(line.split()[-1])
        wanted = {**COUNTERS, **GAUGES}
        return Figures((name, values.get(key, 0.0)) for name, key in wanted.items()) if values else None

    def make_certificates(self):
        run("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", 2, "-subj", "/CN=authority",
            "-keyout", self.file("ca.key"), "-out", self.file("ca.pem"))
        with open(self.file("names"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName=IP:{ADDRESS}\n")
        for name, subject in (("server", "/CN=server"), ("client", "/O=fleet")):
            run("openssl", "req", "-newkey", "ed25519", "-nodes", "-subj", subject, "-keyout",
                self.file(f"{name}.key"), "-out", self.file(f"{name}.csr"))
            run("openssl", "x509", "-req", "-in", self.file(f"{name}.csr"), "-CA", self.file("ca.pem"), "-CAkey",
                self.file("ca.key"), "-CAcreateserial", "-days", 2, "-out", self.file(f"{name}.pem"), "-extfile",
                self.file("names"))
        with open(self.file("password"), "w", encoding="ascii") as file:
            file.write(PASSWORD + "\n")
        for name, mode in (("client.key", 0o644), ("client.pem", 0o644), ("ca.pem", 0o644), ("password", 0o640)):
            os.chmod(self.file(name), mode)
        os.chown(self.file("password"), 0, GROUP)

    def make_user(self):
        def ctl(*words):
            self.run(os.path.join(self.programs, "etcdctl"), "--endpoints", self.url(True), "--cacert",
                     self.file("ca.pem"), "--cert", self.file("client.pem"), "--key", self.file("client.key"), *words,
                     env={**os.environ, "ETCDCTL_API": "3"})
        ctl("user", "add", f"root:{PASSWORD}")
        ctl("user", "grant-role", "root", "root")
        ctl("user", "add", f"{USER}:{PASSWORD}")
        ctl("role", "add", USER)
        ctl("role", "grant-permission", USER, "--prefix=true", "readwrite", "/cwg/v1/")
        ctl("user", "grant-role", USER, USER)
        ctl("auth", "enable")

    def settings(self, tls):
        """The lines of a site's cwg.conf."""
        lines = f"etcd {self.url(tls)}\n"
        if tls:
            lines += (f"etcd-ca {self.file('ca.pem')}\netcd-cert {self.file('client.pem')}\n"
                      f"etcd-key {self.file('client.key')}\netcd-user {USER}\netcd-password {self.file('password')}\n")
        return lines

    def end(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=False, stderr=subprocess.DEVNULL)
