"""A server that forks Python processes which have already imported what a command needs.

Most end-to-end tests start commands, and importing Dagster costs each of them two seconds of CPU. The
server pays that once for each worker of pytest-xdist: it imports, opens nothing, starts no thread, and
then forks for each command. The child gets the environment, the working directory and the descriptors
of a new process and runs the same module by the same name. It is a real process with a pid of its own.

What the fork can't give: values that are read when Python starts or a module is imported (see
`forkable`), `/proc/PID/environ` and the command line (those of the server), a seed of hashes of its
own. Tests of such things start a new interpreter.
"""

from __future__ import annotations

import atexit
import functools
import gc
import inspect
import json
import os
import runpy
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).parents[2]
PRELOADED = (
    "channels_assets.cli.main",
    "channels_assets.cli.second_signal",
    "channels_assets.definitions",
    "channels_assets.sandbox",
)
_READ_AT_START = (
    *("PYTHON", "DAGSTER_", "TZ", "LD_", "MALLOC_", "OPENSSL_", "SSL_", "OMP_", "OPENBLAS_"),
)
_LOCALE = ("LANG", "LC_")
# A thread of numpy's would not survive the fork.
_ONE_THREAD = "OPENBLAS_NUM_THREADS"
_NUMBER = struct.Struct("i")


def start_python(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    fresh: bool = False,
    **options: Any,  # noqa: ANN401
) -> subprocess.Popen[str]:
    """`python ARGUMENTS`: a fork, or where that is asked for or must be, a new interpreter."""
    options |= {"env": environment, "text": True}
    if fresh or not forkable(environment) or _server() is None:
        return subprocess.Popen([sys.executable, *arguments], **options)
    return ForkedProcess(arguments, **options)


def forkable(environment: Mapping[str, str]) -> bool:
    """Whether a fork can stand for a new process with this environment, on this system."""
    return hasattr(os, "pidfd_open") and not any(
        (name.startswith(_READ_AT_START) and name != "DAGSTER_HOME")
        # The server's encoding is UTF-8 too, and messages ask for the language when they are shown.
        or (name.startswith(_LOCALE) and not value.endswith("UTF-8"))
        for name, value in environment.items()
    )


class ForkedProcess(subprocess.Popen[str]):
    """`python ARGUMENTS` as a fork of the server: `-m MODULE ...` or `-c CODE ...`.

    To its user it is the Popen of a new process. Its parent is the server, which sends its pid, and
    its return code when it has ended.
    """

    _status: socket.socket

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is not None:
            return self.returncode
        # A test may wait in two threads: one of them reads the code.
        if not self._waiting.acquire(timeout=-1 if timeout is None else timeout):
            raise subprocess.TimeoutExpired(self.args, cast("float", timeout))
        with ExitStack() as stack:
            stack.callback(self._waiting.release)
            if self.returncode is None:
                if not select.select([self._status], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(self.args, cast("float", timeout))
                with self._status:
                    self.returncode = _received(self._status)
            return self.returncode

    def _execute_child(self, *arguments: object) -> None:
        """Popen calls this with the pipes that it has made."""
        # By name, since the order is not the same in all versions of Python.
        given = inspect.signature(super()._execute_child).bind(*arguments).arguments  # pyright: ignore
        pipes = (given["p2cread"], given["c2pwrite"], given["errwrite"])
        request = {
            "arguments": given["args"],
            "folder": os.fspath(given["cwd"] or os.getcwd()),
            "environment": dict(given["env"]),
            "new_session": given["start_new_session"],
        }
        self._status, theirs = socket.socketpair()
        self._waiting = threading.Lock()
        with theirs:
            descriptors = [own if own >= 0 else std for std, own in enumerate(pipes)]
            server = _server()
            assert server is not None
            socket.send_fds(server, [b"fork"], [theirs.fileno(), *descriptors])
        self._status.sendall(json.dumps(request).encode())
        self._status.shutdown(socket.SHUT_WR)
        self.pid = _received(self._status)
        cast("Any", self)._close_pipe_fds(
            *(given[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite")),
            *(given[name] for name in ("errread", "errwrite")),
        )
        cast("Any", self)._child_created = True


def _received(status: socket.socket) -> int:
    (number,) = _NUMBER.unpack(status.recv(_NUMBER.size, socket.MSG_WAITALL))
    return number


@functools.cache
def _server() -> socket.socket | None:
    """Started at the first command; it ends when this process does.

    None where it can't fork: the older DuckDB of .venv-cluster has a thread from its import on.
    """
    own, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], _ONE_THREAD: "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    if own.recv(16) != b"ready":
        own.close()
        server.wait()
        return None
    atexit.register(lambda: (own.close(), server.wait()))
    return own


class _Server:
    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._children: dict[int, tuple[int, socket.socket]] = {}
        """By a descriptor of the process: its pid, and where its end is told."""

    def serve(self) -> None:
        """Returns in the child, when the command is to run, and exits in the server."""
        while True:
            for ready in select.select([self._requests, *self._children], [], [])[0]:
                if isinstance(ready, int):
                    self._report(ready)
                    continue
                message, descriptors, _, _ = socket.recv_fds(self._requests, 16, 4)
                if not message:
                    os._exit(0)
                if self._fork(descriptors):
                    return

    def _fork(self, descriptors: Sequence[int]) -> bool:
        """True in the child."""
        status = socket.socket(fileno=descriptors[0])
        pid = os.fork()
        if pid == 0:
            self._close()
            for number, descriptor in enumerate(descriptors[1:]):
                os.dup2(descriptor, number)
            _become(status)
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        if pid:
            self._children[os.pidfd_open(pid)] = (pid, status)
            status.sendall(_NUMBER.pack(pid))
        return pid == 0

    def _close(self) -> None:
        self._requests.close()
        for descriptor, (_, status) in self._children.items():
            os.close(descriptor)
            status.close()

    def _report(self, descriptor: int) -> None:
        pid, status = self._children.pop(descriptor)
        os.close(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with status:
            try:
                status.sendall(_NUMBER.pack(code))
            except OSError:
                return  # the test did not wait for it


def _become(status: socket.socket) -> None:
    """Makes this process what a new one would be."""
    with status, status.makefile("rb") as received:
        request: dict[str, Any] = json.load(received)
    if request["new_session"]:
        os.setsid()
    os.chdir(request["folder"])
    # Python sets this by itself in the C locale, and a new one would do so again.
    locale = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}
    os.environ.clear()
    os.environ.update({**locale, **request["environment"]})
    sys.argv[:] = request["arguments"]
    sys.path[0] = request["folder"]


def _run() -> None:
    option, what, *_ = sys.argv
    del sys.argv[1]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102


def _prepare() -> None:
    """Imports, and makes a Dagster instance once, which imports more and reads Dagster's migrations."""
    for name in PRELOADED:
        import_module(name)
    from alembic.script import ScriptDirectory

    from channels_assets.cli.context import prepare_instance

    # Each look at a database reads all migrations of its kind, a quarter of a small refresh's time.
    read = ScriptDirectory.from_config
    kept: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Any) -> ScriptDirectory:  # noqa: ANN401
        location = config.get_main_option("script_location")
        return kept[location] if location in kept else kept.setdefault(location, read(config))

    cast("Any", ScriptDirectory).from_config = from_config
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DAGSTER_HOME"] = folder
        prepare_instance(Path(folder))
    gc.collect()
    for what, count in (("task", 1), ("fd", 5)):
        found = os.listdir(f"/proc/self/{what}")
        # The listing itself takes a descriptor.
        if len(found) > count:
            sys.exit(f"A fork would share or lose {what}: {found}. Each command is a new process.")


def main() -> None:
    _prepare()
    requests = socket.socket(fileno=int(sys.argv[1]))
    requests.sendall(b"ready")
    _Server(requests).serve()
    _run()


if __name__ == "__main__":
    main()
