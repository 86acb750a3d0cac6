"""Tasks over `net-admin-helper batch`, one process for all of them."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from typing import Optional, Sequence, Union

from . import failures
from .failures import Failure
from .helper import Helper, Tasks

_LINE_MAX = 511  # characters of a task


class Batch(Tasks):
    """Gives all tasks to one process, which starts with the first task and ends with close() or a `with` block. That is
    faster than a command for each task. Threads may share a batch: it does one task at a time, and a wait() keeps the
    others waiting.

    With `undo` the process removes the links that it has created since the last commit() when it ends, and so when this
    program dies. Without `undo` the links stay. A task that a batch can't do is run as a command, and never undone:
    a container "fd:N", or a preshared key.

    If the process has ended, or if the administrator has changed the policy, a batch without `undo` starts a process
    anew for the next task. A batch with `undo` fails from then on."""

    def __init__(self, helper: Optional[Helper] = None, *, undo: bool = False) -> None:
        self.helper = helper or Helper()
        self._undo = undo
        self._process: Optional[subprocess.Popen[str]] = None
        self._over = False  # a process with `undo` has ended
        self._lock = threading.Lock()

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process, which undoes what isn't committed. Once is enough."""
        with self._lock:
            self._end()
            self._over = self._over or self._undo

    def commit(self) -> None:
        """Keeps the links that were created so far. It needs `undo`."""
        self._ask("commit")

    def _ask(self, task: str, *words: Union[int, str]) -> str:
        if words and str(words[0]).startswith("fd:"):
            return self.helper._ask(task, *words)
        line = _line_of([task, *map(str, words)])
        with self._lock:
            is_fresh = self._process is None
            try:
                return _read_answer(self._exchange(line))
            except (failures.Policy, failures.Batch):
                # The process may have begun under an older policy, or lost what it needs. It has done nothing.
                if self._undo or is_fresh:
                    raise
                self._end()
                return _read_answer(self._exchange(line))

    def _connect_with(self, preshared_key: str, words: Sequence[Union[int, str]]) -> None:
        self.helper._connect_with(preshared_key, words)

    def _exchange(self, line: str) -> str:
        """Sends a line, and returns the answer. Nobody could tell a late answer from the next one. So an interrupt ends
        the process, and the process then removes a link that the line has created."""
        if self._over:
            raise Failure("this batch has ended")
        if self._process is None:
            options = ["--answered", *(["--undo"] if self._undo else [])]
            self._process = self.helper.start(["batch", *options], stdin=subprocess.PIPE)
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        except BaseException:
            self._end()
            raise
        if not answer.endswith("\n"):
            text = self._end()
            raise Failure(text or f"{self.helper.command[0]}: the batch has ended")
        return answer[:-1]

    def _end(self) -> str:
        """Ends the process if there is one. Returns its first line on standard error."""
        process, self._process = self._process, None
        if process is None:
            return ""
        self._over = self._undo
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()  # ends a cwg_wait
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        with process.stderr:
            text = process.stderr.readline().rstrip("\n")
        process.wait()
        return text


def _line_of(words: list[str]) -> str:
    """A line is words with a space between each two. So a word with a space or a newline would be other words."""
    line = " ".join(words)
    if len(line) > _LINE_MAX or not all(re.fullmatch(r"[!-~]+", word) for word in words):
        raise failures.Usage("an argument is empty, too long, or has a space or another character than printable ASCII")
    return line


def _read_answer(answer: str) -> str:
    """Returns the result's text. An error may follow a result, if a list is incomplete."""
    kind, _, rest = answer.partition(" ")
    if kind == "ok" and rest:
        try:
            end = json.JSONDecoder().raw_decode(rest)[1]
        except (ValueError, RecursionError):
            raise Failure("the batch answered something else than expected") from None
        kind, _, behind = rest[end:].strip().partition(" ")
        if not kind:
            return rest
        rest = behind
    elif kind == "ok":
        return ""
    if kind != "error":
        raise Failure("the batch answered something else than expected")
    code, _, text = rest.partition(" ")
    raise failures.of_code(code, f"net-admin-helper: {text}")
