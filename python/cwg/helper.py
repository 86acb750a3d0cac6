"""The helper's tasks, as methods. A container is named by the pid of a process in it, or by "fd:N", a descriptor of its
network namespace."""

from __future__ import annotations

import json
import os
import re
import subprocess
from abc import ABC, abstractmethod
from typing import NamedTuple, Optional, Sequence, Union, cast

from . import failures
from .checks import valid_key, valid_number
from .failures import Failure
from .status import LinkStatus, ListedLink


class Created(NamedTuple):
    """The UDP port of a new end of a link, and its public key."""

    port: int
    key: str


class Tasks(ABC):
    """The tasks. `Helper` and `Batch` differ in how the helper gets them."""

    def create(self, pid: Union[int, str], net: int, host: int, port: int = 0) -> Created:
        """Makes an end of a link. The kernel chooses the port if it is 0. If this call fails or is interrupted, it
        leaves no end."""
        text = self._ask("cwg_create", pid, net, host, port, "--json")
        try:
            return _read_created(text)
        except Failure:
            self.destroy(pid, net, host)
            raise

    def connect(self, pid: Union[int, str], net: int, host: int, endpoint: str, key: str, *,
                preshared_key: Optional[str] = None, keepalive: Optional[int] = None,
                mtu: Optional[int] = None) -> None:
        """Tells an end where its peer is. `host` is the peer's. A pipe carries the preshared key."""
        options = [] if keepalive is None else [f"--persistent-keepalive={keepalive}"]
        options += [] if mtu is None else [f"--mtu={mtu}"]
        words = [pid, net, host, endpoint, key, *options, "--json"]
        if preshared_key is None:
            self._ask("cwg_connect", *words)
        else:
            self._connect_with(valid_key("preshared key", preshared_key), words)

    def destroy(self, pid: Union[int, str], net: int, host: int) -> None:
        """Removes an end of a link."""
        self._ask("cwg_destroy", pid, net, host, "--json")

    def destroy_all(self, pid: Union[int, str]) -> None:
        """Removes all links of a container."""
        self._ask("cwg_destroy_all", pid, "--json")

    def wait(self, pid: Union[int, str], net: int, host: int, seconds: int = 30) -> None:
        """Waits until the peer of an end has answered. `host` is this end's own."""
        self._ask("cwg_wait", pid, net, host, seconds, "--json")

    def show(self, pid: Union[int, str], *end: int) -> list[LinkStatus]:
        """Returns the links of a container, or the one link of a net and a host."""
        return cast("list[LinkStatus]", _read_list(self._ask("cwg_show", pid, *end, "--json")))

    def links(self, nets: Optional[range] = None) -> list[ListedLink]:
        """Returns the links of all containers of this machine, or those of some nets."""
        options = [] if nets is None else [f"--nets={nets[0]}-{nets[-1]}"]
        return cast("list[ListedLink]", _read_list(self._ask("cwg_list", "--json", *options)))

    @abstractmethod
    def _ask(self, task: str, *words: Union[int, str]) -> str:
        """Does a task, and returns the result's text. If a cwg_create is interrupted, it leaves no end."""

    @abstractmethod
    def _connect_with(self, preshared_key: str, words: Sequence[Union[int, str]]) -> None:
        """Does a cwg_connect with a preshared key."""


class Helper(Tasks):
    """Runs a command for each task. `command` is the program, which is looked up in PATH, or the program behind words
    that run it: ["docker", "run", "--rm", ...]."""

    def __init__(self, command: Union[str, Sequence[str]] = "net-admin-helper") -> None:
        self.command = [command] if isinstance(command, str) else list(command)

    def run(self, task: str, *words: Union[int, str], descriptors: Sequence[int] = ()) -> str:
        """Runs any task, and returns its output. A failure has a code if "--json" is among the words."""
        with self.start([task, *map(str, words)], descriptors) as process:
            return self.result(process)

    def start(self, words: Sequence[str], descriptors: Sequence[int] = (),
              stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Starts the command with these words, and with a container's descriptor if a word names one."""
        passed = {int(word[3:]) for word in words[1:2] if re.fullmatch(r"fd:[0-9]{1,9}", word)}
        try:
            # A session of its own: Ctrl-C at the terminal is for this program. The helper finishes what it began.
            return subprocess.Popen([*self.command, *words], stdin=stdin, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, pass_fds=passed.union(descriptors),
                                    start_new_session=True, encoding="ascii", errors="replace")
        except (OSError, ValueError) as error:
            advice = "; is this user in its group? `cwg doctor` says" if isinstance(error, PermissionError) else ""
            raise Failure(f"can't run {self.command[0]}: {error}{advice}") from error

    def result(self, process: subprocess.Popen[str]) -> str:
        """Waits for the end of a process, and returns its output."""
        output, error = process.communicate()
        if process.returncode != 0:
            # A second line has the synopsis, if an argument was wrong.
            text = error.partition("\n")[0] or f"{self.command[0]}: ended with status {process.returncode}"
            raise failures.of_code(_code_of(output), text)
        return output.strip()

    def _ask(self, task: str, *words: Union[int, str]) -> str:
        process = self.start([task, *map(str, words)])
        try:
            with process:
                return self.result(process)
        except BaseException:
            if process.wait() == 0 and task == "cwg_create":
                self.run("cwg_destroy", *words[:3])
            raise

    def _connect_with(self, preshared_key: str, words: Sequence[Union[int, str]]) -> None:
        reader, writer = os.pipe()
        try:
            with open(writer, "w", encoding="ascii") as file:
                file.write(preshared_key)
            self.run("cwg_connect", *words, f"--preshared-key-file=fd:{reader}", descriptors=[reader])
        finally:
            os.close(reader)


def _code_of(output: str) -> Optional[str]:
    """The code of a failure, which is the last line that --json prints."""
    try:
        code = json.loads(output.rstrip("\n").rpartition("\n")[2])["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, str) else None


def _read_created(text: str) -> Created:
    try:
        told = json.loads(text)
        port, key = told["listen_port"], told["public_key"]
    except (ValueError, KeyError, TypeError):
        raise Failure("cwg_create --json printed something else than expected") from None
    return Created(valid_number("listen port", port, 1, 65535), valid_key("public key", key))


def _read_list(text: str) -> list[object]:
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, list):
        raise Failure("the helper printed something else than a list of links")
    return told
