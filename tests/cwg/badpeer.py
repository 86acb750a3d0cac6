#!/usr/bin/env python3
"""Stands in for ssh, and for the machine at its other end. tests/cwg/hostile.bash sets CWG_SSH to one of:

    badpeer.py relay IN OUT HOW LATER   a real `cwg serve`, until IN lines went there, or OUT lines came back ("-": no
                                        limit). Then the session dies. HOW: "cut", the connection is lost; "kill", the
                                        server is killed; "near", the cwg that called is killed; "hang", nothing passes
                                        any more; "half", the server's output ends, and ssh lives on. LATER: whether the
                                        next sessions are "alive" or "dead"
    badpeer.py lie WHAT [WORD]          a real `cwg serve` whose answers are changed: see lies
    badpeer.py say WHAT                 no cwg at all: see sayings

BADPEER_CWG is the program for `cwg serve`. BADPEER_LOG is a folder: each session adds a byte to "sessions", "lines"
gets the lines that passed, "fds" the descriptors that this program was started with, and "near" its caller's pid.
"""

import sys

if "-G" in sys.argv:  # what ssh's configuration says
    print("hostname 192.0.2.1")
    sys.exit()
if "-O" in sys.argv:  # whether a connection is open already
    sys.exit(255)

# A test starts this program dozens of times: only what starts fast is imported for all.
import _thread
import os
import time
if "lie" in sys.argv:
    import json

LOG = os.environ["BADPEER_LOG"]
NEAR = os.getppid()
descriptors = sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}"))


def note(name, text):
    with open(f"{LOG}/{name}", "a", encoding="ascii", errors="backslashreplace") as file:
        file.write(text)


def serve():
    """Starts `cwg serve`. Returns its pid, and the files to its input and from its output."""
    program = os.environ["BADPEER_CWG"]
    (stdin, to), (back, stdout) = os.pipe(), os.pipe()
    pid = os.posix_spawn(program, [program, "serve"], os.environ, file_actions=[
        (os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)])
    os.close(stdin)
    os.close(stdout)
    return pid, open(to, "wb"), open(back, "rb")


BUSY = b'{"busy":true}\n'


class Relay:
    """A session that dies after some lines."""

    def __init__(self, limits, how, change=lambda line: line):
        self.limits, self.how, self.change = limits, how, change
        self.pid, self.input, self.output = serve()
        self.lock = _thread.allocate_lock()

    def die(self):
        """Holds the lock for ever, so that nothing else passes."""
        self.lock.acquire()
        if self.how == "kill":
            os.kill(self.pid, 9)
        if self.how == "near":
            os.kill(NEAR, 9)
        if self.how == "hang":
            time.sleep(300)
        if self.how == "half":
            os.close(1)
            while sys.stdin.buffer.readline():
                pass
        os._exit(255)

    def pump(self, direction, source, sink):
        count = 0
        while True:
            if count == self.limits[direction]:
                self.die()
            line = source.readline()
            if not line:
                break
            if line == BUSY:  # on a slow machine there are some, which are no answers
                with self.lock:
                    sink.write(line)
                    sink.flush()
                continue
            with self.lock:
                note("lines", f"{direction} {line.decode()}")
                try:
                    sink.write(line if direction == 0 else self.change(line))
                    sink.flush()
                except BrokenPipeError:
                    break
            count += 1
        sink.close()

    def run(self):
        _thread.start_new_thread(self.pump, (0, sys.stdin.buffer, self.input))
        self.pump(1, self.output, sys.stdout.buffer)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) % 256)


def relay(count_in, count_out, how, later):
    first = os.path.getsize(f"{LOG}/sessions") == 1
    if not first and later == "dead":
        print("ssh: connect to host far port 22: Connection refused", file=sys.stderr)
        sys.exit(255)
    limits = [int(count) if first and count != "-" else -1 for count in (count_in, count_out)]
    Relay(limits, how).run()


def in_link(**members):
    def change(answer, _):
        if isinstance(answer.get("link"), dict):
            answer["link"].update(members)
    return change


def claim_link(answer, word):
    """The far container claims to be the peer of a link whose own key, net and peer's key are in the word."""
    net, near_key, far_key = word.split(",")
    if "links" in answer:
        answer["links"].append({"name": f"wg-{net}-1", "net": int(net), "host": 1, "public_key": far_key,
                                "state": "connected", "peer": {"public_key": near_key}})


lies = {
    "net": in_link(net=7),
    "host": in_link(host=0),
    "name": in_link(name="\x1b[2Jdevice"),
    "key": in_link(public_key="AAAA"),
    "port": in_link(listen_port=65536),
    "warning": in_link(warning="\x1b]0;owned\x07\u009b2J\nsecond line"),
    "huge": in_link(warning="x" * 70000),
    "container": lambda answer, _: answer.update(container=99) if "container" in answer else None,
    "engine": lambda answer, _: answer.update(engine="pid;reboot") if "engine" in answer else None,
    "links": lambda answer, _: answer.update(links=[[], 7, {"net": "x"}, {"net": -1, "peer": []}])
        if "links" in answer else None,
    "addresses": lambda answer, word: answer.update(addresses=word.split(",")) if "cwg" in answer else None,
    "claim": claim_link,
    "error": lambda answer, _: answer.update(error={"code": "\x1b[2J", "text": "\x1b[2J\nsecond\u202eline"})
        if "link" in answer else None,
    "member": lambda answer, word: answer.update({name: value for name, value in json.loads(word).items() if name in
                                                  answer}),
    "overlap": lambda answer, _: answer.update(error={"code": "overlap", "text": "no"}) if "link" in answer else None,
}


def lie(what, word=""):
    def change(line):
        answer = json.loads(line)
        lies[what](answer, word)
        return json.dumps(answer).encode() + b"\n"
    Relay([-1, -1], "cut", change).run()


GREETING = b'{"cwg":1,"version":"0","addresses":["192.0.2.1"]}\n'


def write(*parts):
    """Writes the parts, the last one over and over."""
    out = sys.stdout.buffer
    out.write(b"".join(parts[:-1]))
    while True:
        out.write(parts[-1])
        out.flush()


sayings = {
    "garbage": lambda: write(os.urandom(1000000), b""),
    "lines": lambda: write(b"hello\n" * 1000),
    "zeros": lambda: write(b"\0" * 1000000),
    "long": lambda: write(b"x" * 1000000),
    "long-answer": lambda: write(GREETING, b"x" * 1000000),
    "deep": lambda: write(GREETING, b"[" * 60000 + b"\n"),
    "answers": lambda: write(GREETING, b"{}\n" * 1000),
    "errors": lambda: (os.dup2(2, 1), write(b"\x1b[2Jno\n" * 1000)),
    "nothing": lambda: time.sleep(300),
    "greeting": lambda: (os.write(1, GREETING), time.sleep(300)),
    "end": lambda: None,
    "half": lambda: (os.close(1), sys.stdin.buffer.read()),
}


def main():
    words = sys.argv[1:]
    note("sessions", ".")
    note("near", f"{NEAR}\n")
    note("fds", f"{descriptors}\n")
    own = words[:words.index("-T")]
    {"relay": relay, "lie": lie, "say": lambda what: sayings[what]()}[own[0]](*own[1:])


try:
    main()
except BrokenPipeError:
    os._exit(255)
