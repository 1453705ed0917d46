"""PostgreSQL, Redis and an object store, started for the tests alone, each with a password."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis
import requests

PASSWORD = "gUessMe@not/&1"
ACCESS_KEY = "tests"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a server's database `postgres`; its user may make more databases."""
    home = max(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda bin_folder: int(bin_folder.parent.name),
    )
    # It refuses to run as root. pytest's own folders are closed to others, so not there.
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="channels-pg-"))
    if user == "postgres":
        shutil.chown(folder, user, user)
    try:
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        options = ["-U", "channels", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}"]
        initdb = [home / "initdb", "-D", folder / "data", *options, "--encoding=UTF8"]
        subprocess.run(initdb, check=True, user=user, stdout=subprocess.DEVNULL, cwd=folder)
        port = free_port()
        server = [home / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder]
        # The tests need speed, and not that data survive a power cut.
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        settings += ["-c", "max_connections=300"]
        log = (folder / "log").open("w")
        address = f"postgresql://channels:{quoted(PASSWORD)}@127.0.0.1:{port}/postgres"
        command = [*server, *settings]
        with log, subprocess.Popen(command, user=user, stderr=log, cwd=folder) as process:
            try:
                wait_for(lambda: psycopg.connect(address).close(), process, folder / "log")
                yield address
            finally:
                process.send_signal(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="channels-redis-"))
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    command = ["redis-server", *options, "--requirepass", PASSWORD]
    try:
        with subprocess.Popen(command, stdout=(folder / "log").open("w")) as process:
            try:
                address = f"redis://:{quoted(PASSWORD)}@127.0.0.1:{port}/0"
                with closing(redis.Redis.from_url(address)) as client:
                    wait_for(client.ping, process, folder / "log")
                yield address
            finally:
                process.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def object_store(*options: str) -> Iterator[dict[str, str]]:
    """rclone's S3 server over a folder, with the bucket `lakes`: the environment that leads to it.

    It checks signatures, so a wrong key is refused.
    """
    folder = Path(tempfile.mkdtemp(prefix="channels-s3-"))
    (folder / "buckets" / "lakes").mkdir(parents=True)
    address = f"127.0.0.1:{free_port()}"
    # The wheel brings the program; its Python interface is of no use here.
    rclone = Path(find_spec("rclone_api").origin).parent / "bin" / "rclone"
    serve = [rclone, "serve", "s3", folder / "buckets", "--addr", address, "--config", ""]
    keys = {"RCLONE_AUTH_KEY": f'"{ACCESS_KEY},{PASSWORD}"', "HOME": str(folder)}
    try:
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen([*serve, *options], env=keys, stderr=log) as process,
        ):
            try:
                is_up = partial(requests.get, f"http://{address}", timeout=5)
                wait_for(is_up, process, folder / "log")
                yield {
                    "AWS_ENDPOINT_URL": f"http://{address}",
                    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                    "AWS_SECRET_ACCESS_KEY": PASSWORD,
                    "AWS_REGION": "us-east-1",
                }
            finally:
                process.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def new_database(server: str, name: str) -> str:
    """Makes a database and gives its address."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
    return server.rpartition("/")[0] + "/" + name


def wait_for(is_up: Callable[[], object], server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            is_up()
            return
        except (psycopg.OperationalError, redis.ConnectionError, requests.ConnectionError):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
