"""What a run of a program takes that needs no clock: system calls, processes, memory. For that it is traced, with all
of its children. The tracer keeps its privileges, so that file capabilities are in force as they are without it.
"""

import collections
import ctypes
import os
import re
import signal
import struct

import measure

PEEKTEXT, POKETEXT, SYSCALL, GETREGSET, SETREGSET, SEIZE, GET_SYSCALL_INFO = 1, 4, 24, 0x4204, 0x4205, 0x4206, 0x420E
EVENT_EXEC, EVENT_EXIT = 4, 6
# PTRACE_O_: EXITKILL, TRACESYSGOOD, and FORK, VFORK, CLONE, EXEC, EXIT
OPTIONS = 1 << 20 | 1 | sum(1 << event for event in (1, 2, 3, EVENT_EXEC, EVENT_EXIT))
SYSCALL_STOP = signal.SIGTRAP | 0x80
INFO_ENTRY = 1
AT_ENTRY = 9
NT_PRSTATUS = 1

# Of a processor: the number of ptrace(2); the text of a breakpoint (int3, brk) and its length; how far behind it a
# process then is; the words of struct user_regs_struct, and which of them says where the process is.
Processor = collections.namedtuple("Processor", "ptrace breakpoint length behind words place")
PROCESSOR = {
    "x86_64": Processor(101, 0xCC, 1, 1, 27, 16),
    "aarch64": Processor(117, 0xD4200000, 4, 0, 34, 32),
}[os.uname().machine]


def trace(request, pid, where=0, what=0):
    """The system call itself: glibc's function has another type for each request."""
    measure.call("syscall", PROCESSOR.ptrace, ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(where),
                 what if isinstance(what, ctypes.Array) else ctypes.c_void_p(what))


def kibibytes(pid, file, field):
    with open(f"/proc/{pid}/{file}", encoding="utf-8", errors="replace") as text:
        return int(re.search(rf"^{field}:\s*(\d+)", text.read(), re.M)[1])


class Inspection:
    """Of one run: `calls` are those after the first execve(), `own` those of them that are not the dynamic loader's:
    from _start on. `memory` is the largest resident set that one of the processes had, in KiB."""

    def __init__(self, argv, output, as_application):
        self.programs = self.calls = self.own = self.memory = 0
        self.breakpoints = {}  # for each process: None, or the entry of its program and the original text there
        gate, opener = os.pipe()
        first = os.fork()
        if first == 0:
            self.become(argv, output, gate, as_application)
        trace(SEIZE, first, 0, OPTIONS)
        os.write(opener, b"+")
        self.follow(first)
        os.close(gate)
        os.close(opener)
        self.processes = len(self.breakpoints)

    @staticmethod
    def become(argv, output, gate, as_application):
        try:
            os.read(gate, 1)
            os.dup2(os.open("/dev/null", os.O_RDWR), 0)
            os.dup2(output, 1)
            with measure.application(as_application):
                os.execve(argv[0], argv, dict([measure.ENVIRONMENT[0].split("=", 1)]))
        finally:
            os._exit(127)

    def follow(self, first):
        trace_me = trace
        while True:
            pid, status = os.waitpid(-1, 0x40000000)  # __WALL
            self.breakpoints.setdefault(pid, None)
            if os.WIFSTOPPED(status):
                trace_me(SYSCALL, pid, 0, self.on_stop(pid, status))
            elif pid == first:
                if status:
                    raise measure.Failure(f"what was inspected failed: status {status:#x}")
                return

    def on_stop(self, pid, status):
        """Handles a stop. Returns the signal to pass on, or 0."""
        event, signal_number = status >> 16, os.WSTOPSIG(status)
        if event == EVENT_EXEC:
            self.on_exec(pid)
        elif event == EVENT_EXIT:
            self.on_exit(pid)
        elif not event and signal_number == SYSCALL_STOP:
            self.on_call(pid)
        elif not event and not (signal_number == signal.SIGTRAP and self.on_trap(pid)):
            return signal_number
        return 0

    def on_exec(self, pid):
        """Sets a breakpoint at the program's own start, after the loader (AT_ENTRY, getauxval(3))."""
        with open(f"/proc/{pid}/auxv", "rb") as file:
            entry = dict(struct.iter_unpack("QQ", file.read()))[AT_ENTRY]
        text = (ctypes.c_uint64 * 1)()
        trace(PEEKTEXT, pid, entry, text)
        trace(POKETEXT, pid, entry, text[0] >> 8 * PROCESSOR.length << 8 * PROCESSOR.length | PROCESSOR.breakpoint)
        self.breakpoints[pid] = entry, text[0]
        self.programs += 1

    def on_trap(self, pid):
        """Says whether the process is at its breakpoint, and removes that."""
        registers = (ctypes.c_uint64 * PROCESSOR.words)()
        vector = (ctypes.c_uint64 * 2)(ctypes.addressof(registers), ctypes.sizeof(registers))  # struct iovec
        trace(GETREGSET, pid, NT_PRSTATUS, vector)
        entry, text = self.breakpoints[pid] or (None, None)
        if entry is None or registers[PROCESSOR.place] != entry + PROCESSOR.behind:
            return False
        registers[PROCESSOR.place] = entry
        trace(POKETEXT, pid, entry, text)
        trace(SETREGSET, pid, NT_PRSTATUS, vector)
        self.breakpoints[pid] = None
        return True

    def on_call(self, pid):
        info = ctypes.create_string_buffer(128)
        trace(GET_SYSCALL_INFO, pid, len(info), info)
        if info.raw[0] == INFO_ENTRY and self.programs > 0:
            self.calls += 1
            self.own += self.breakpoints[pid] is None

    def on_exit(self, pid):
        """Its last moment with memory. ru_maxrss is of no use: it counts what the process had before execve(), too
        (exec_mmap(), fs/exec.c). VmHWM alone may lag behind by some pages for each processor, since the kernel adds up
        its counters now and then; what is mapped now is exact."""
        self.memory = max(self.memory, kibibytes(pid, "status", "VmHWM"), kibibytes(pid, "smaps_rollup", "Rss"))
