"""Tokens that others obtain: what is in the file or printed by the command, and what is said of it."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from channels_assets.files import read_private
from channels_assets.sandbox import Sandbox, World
from channels_assets.wechat.auth import TokenSource, secret_readers
from channels_assets.wechat.auth.external_token import (
    CloudOpenApi,
    CommandToken,
    FileToken,
    cloud_token,
)
from channels_assets.wechat.auth.secret_readers import command_reader
from channels_assets.wechat.client import Calls, Client
from channels_assets.wechat.errors import PermissionDenied, TokenRejected, Transient, WeChatError
from channels_assets.wechat.league import cooperating_shops
from channels_assets.wechat.paging import fetch_page
from channels_assets.wechat.quota import get_quota
from channels_assets.wechat.retry import RetryPolicy
from channels_assets.wechat.transport import RequestsTransport
from channels_assets.wechat.window import WINDOW_PRODUCTS, window_products

PATHS = frozenset({WINDOW_PRODUCTS.path})
TOKEN = "92_SeCrEtSeCrEtSeCrEt-SeCrEt_SeCrEt"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "can't be read: No such file"),
        ("", "nothing where one word"),
        (f'{{"access_token": "{TOKEN}"}}', "no JSON"),
        (f"{TOKEN}\n{TOKEN}\n", "2 lines"),
        (b"\xff\xfe" + TOKEN.encode(), "it is no text"),
    ],
)
def test_a_file_without_a_token(tmp_path: Path, content: str | bytes | None, told: str) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(PermissionDenied) as caught:
        FileToken(path).token()
    said = str(caught.value)
    assert told in said
    assert str(path) in said
    assert "SeCrEt" not in said + repr(caught.value.__cause__)
    path.write_text(f" {TOKEN}\n")
    assert FileToken(path).token() == TOKEN


def test_a_file_that_is_just_being_written_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    path.write_text("")

    def while_one_waits(seconds: float) -> None:
        path.write_text(TOKEN)

    monkeypatch.setattr(time, "sleep", while_one_waits)
    assert FileToken(path).token() == TOKEN


MAKE_ODD: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "folder": os.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    "large": lambda path: path.write_text("x" * (64 * 1024 + 1)),
}


@pytest.mark.parametrize("kind", MAKE_ODD)
@pytest.mark.parametrize("setting", ["token_file", "ticket_file", "refresh_token_file"])
def test_what_is_no_small_regular_file_is_one_clear_line_at_once(
    tmp_path: Path, setting: str, kind: str
) -> None:
    path = tmp_path / "token"
    MAKE_ODD[kind](path)
    # In a process of its own: it would hang, or eat all memory.
    code = (
        "import resource, sys; from pathlib import Path\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))\n"
        "from channels_assets.wechat.auth.secret_readers import file_reader\n"
        "file_reader(sys.argv[1], Path(sys.argv[2]))()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, setting, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = done.stderr.splitlines()[-1]
    assert "PermissionDenied" in told, done.stderr
    assert f"`{setting}` {path} can't be read" in told
    assert "regular file of at most 64 kB" in told
    assert "普通文件" in told


def test_what_is_kept_of_a_refresh_token_is_no_fifo_either(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "kept.json")
    with pytest.raises(OSError, match="no regular file"):
        read_private(tmp_path / "kept.json")


def test_a_link_to_a_token_as_kubernetes_mounts_it(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "token").write_text(TOKEN)
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "token").symlink_to("..data/token")
    assert FileToken(tmp_path / "token").token() == TOKEN


def test_a_command_that_prints_without_end_is_ended_with_one_clear_line(tmp_path: Path) -> None:
    command = script(tmp_path, f"echo $$ > {tmp_path}/process", "exec cat /dev/zero")
    source = CommandToken(command_reader("token_command", [str(command)]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PermissionDenied, match="printed more than 64 kB, and was ended") as caught:
        source.token()
    assert "手动运行" in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
    assert not _runs(int((tmp_path / "process").read_text()))


def test_a_command_that_dribbles_or_goes_on_without_output_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_readers, "COMMAND_SECONDS", 0.5)
    for line in ("while :; do printf x; sleep 0.05; done", "exec >&-; sleep 600"):
        with pytest.raises(Transient, match="did not end within"):
            CommandToken(command_reader("token_command", [str(script(tmp_path, line))])).token()


def script(folder: Path, *lines: str) -> Path:
    path = folder / "give-token"
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    os.chmod(path, 0o700)
    return path


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("echo SeCrEtSeCrEt; echo SeCrEt >&2; exit 3", "failed with exit code 3"),
        ("exit 0", "nothing where one word"),
        ("echo 'login SeCrEt needed'", "spaces or other signs"),
        ("kill -9 $$", "exit code -9"),
        (None, "can't be started: No such file"),
    ],
)
def test_a_command_without_a_token(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], line: str | None, told: str
) -> None:
    command = script(tmp_path, line) if line is not None else tmp_path / "nowhere"
    source = CommandToken(command_reader("token_command", [str(command), "--key=SeCrEtWord"]))
    with pytest.raises(PermissionDenied) as caught:
        source.token()
    printed = capfd.readouterr()
    assert told in str(caught.value)
    assert "SeCrEt" not in str(caught.value) + repr(source) + printed.out + printed.err


def test_a_command_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_readers, "COMMAND_SECONDS", 0.5)
    command = script(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait")
    with pytest.raises(Transient, match="did not end within"):
        CommandToken(command_reader("token_command", [str(command)])).token()
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_command_is_run_once_for_all_threads_and_no_shell_reads_its_words(tmp_path: Path) -> None:
    command = script(tmp_path, f"echo run >> {tmp_path}/runs", 'echo "$1"')
    source = CommandToken(command_reader("token_command", [str(command), "92_$HOME;`id`"]))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: source.token(), range(16))) == {"92_$HOME;`id`"}
    assert (tmp_path / "runs").read_text() == "run\n"


def client_of(sandbox: Sandbox, source: TokenSource) -> Client:
    return Client(RequestsTransport(), sandbox.url, source, retry=RetryPolicy(1, 0.0))


def rejected_file(path: Path) -> TokenSource:
    path.write_text(TOKEN)
    return FileToken(path)


def rejected_cloud_file(path: Path) -> TokenSource:
    path.write_text(TOKEN)
    return cloud_token(PATHS, path)


def rejected_command(path: Path) -> TokenSource:
    return CommandToken(command_reader("token_command", ["echo", TOKEN]))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (rejected_file, "still holds it"),
        (rejected_cloud_file, "still holds it"),
        (rejected_command, "prints the same again"),
    ],
)
def test_a_token_that_stays_rejected_costs_one_call_for_all_lists(
    tmp_path: Path, make: Callable[[Path], TokenSource], told: str
) -> None:
    with Sandbox(World.generate(seed=5, windows=1, products=3)) as sandbox:
        client = client_of(sandbox, make(tmp_path / "token"))
        for _ in range(5):
            with pytest.raises(TokenRejected, match=told) as caught:
                fetch_page(client, window_products(), "", Calls())
            assert "SeCrEt" not in str(caught.value)
        assert len(sandbox.calls) == 1


@pytest.mark.parametrize("source", [cloud_token(PATHS, Path("nowhere")), CloudOpenApi(PATHS)])
def test_cloud_calls_are_refused_for_other_apis_before_a_call(source: TokenSource) -> None:
    with Sandbox(World.generate(seed=5, windows=1, products=3)) as sandbox:
        client = client_of(sandbox, source)
        with pytest.raises(PermissionDenied, match="不支持此接口"):
            fetch_page(client, cooperating_shops(), "", Calls())
        with pytest.raises(PermissionDenied, match="may not call this API"):
            get_quota(client, WINDOW_PRODUCTS.path)
        assert sandbox.calls == []


def test_open_api_outside_the_cloud_says_where_it_belongs() -> None:
    with (
        Sandbox(World.generate(seed=5, windows=1, products=3)) as sandbox,
        pytest.raises(WeChatError, match=r"inside 云托管.*须运行在云托管内.*41001"),
    ):
        fetch_page(client_of(sandbox, CloudOpenApi(PATHS)), window_products(), "", Calls())
