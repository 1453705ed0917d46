"""Odd habits: how people save .env and channels.toml, copy secrets, write paths, and keep the output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from channels_assets.sandbox import Fault, World
from channels_assets_tests.helpers.project import Project

Make = Callable[..., Project]
Prepares = Callable[[Project], object]
NOT_UTF8 = ("is not UTF-8", "save it as UTF-8", "UTF-8 编码")


@dataclass(frozen=True)
class Row:
    """The line on stderr, and doctor's finding, have all of `words`."""

    prepares: Prepares
    words: tuple[str, ...]


def small_world() -> World:
    return World.generate(seed=52, windows=1, products=9, shops=1)


def variable(project: Project) -> str:
    return f"SECRET_{next(iter(project.world.windows))}"


def dotenv(content: bytes) -> Prepares:
    """`SECRET` there is the name of the window's variable, which the environment then lacks."""

    def prepare(project: Project) -> None:
        name = variable(project)
        del project.environment[name]
        (project.folder / ".env").write_bytes(content)

    return prepare


def hidden(project: Project) -> None:
    name = variable(project)
    (project.folder / ".env").write_text(f"{name}={project.environment[name]}\n")
    project.environment[name] = ""


def around(before: str, after: str = "") -> Prepares:
    def prepare(project: Project) -> None:
        name = variable(project)
        project.environment[name] = f"{before}{project.environment[name]}{after}"

    return prepare


def saved(change: Callable[[str], bytes]) -> Prepares:
    """channels.toml as another editor saves it."""

    def prepare(project: Project) -> None:
        path = project.folder / "channels.toml"
        path.write_bytes(change(path.read_text()))

    return prepare


def path_of(name: str, folder: str) -> Prepares:
    def prepare(project: Project) -> None:
        del project.environment["DAGSTER_HOME"]
        project.environment[name] = str(project.folder / folder)

    return prepare


ROWS = {
    ".env in GBK": Row(dotenv("# 密钥\nX=1\n".encode("gbk")), (".env can't be read", *NOT_UTF8)),
    ".env in UTF-16": Row(dotenv("X=1\n".encode("utf-16")), (".env can't be read", *NOT_UTF8)),
    ".env in UTF-16 without its mark": Row(
        dotenv("X=1\n".encode("utf-16-le")), (".env can't be read", *NOT_UTF8)
    ),
    "empty variable before .env": Row(
        hidden, ("is set but empty, and hides the value in .env", "unset SECRET_", "遮盖")
    ),
    "quoted secret": Row(around('"', '"'), ("has quotation marks around its value", "引号")),
    "curly quoted secret": Row(around("“", "”"), ("has quotation marks around its value", "引号")),
    "space in a secret": Row(around("app secret "), ("has a space", "空格")),
    "zero-width space": Row(around("\u200b"), ("invisible character", "U+200B", "不可见字符")),
    "no-break space": Row(around("", "\u00a0"), ("invisible character", "U+00A0")),
    "byte order mark": Row(around("\ufeff"), ("invisible character", "U+FEFF")),
    "secret in Chinese": Row(around("密钥"), ("is not ASCII", "非 ASCII")),
    "toml in GBK": Row(
        saved(lambda text: ("# 设置\n" + text).encode("gbk")), ("channels.toml", *NOT_UTF8)
    ),
    "toml in UTF-16": Row(saved(lambda text: text.encode("utf-16")), ("channels.toml", *NOT_UTF8)),
    "curly quotes": Row(
        saved(lambda text: text.replace('appid = "', "appid = “", 1).encode()),
        ("not valid TOML", "curly quotes", "Line 5", "第 5 行有弯引号"),
    ),
    "curly quote at the end": Row(
        saved(lambda text: text.replace('"\nsecret_env', "”\nsecret_env", 1).encode()),
        ("not valid TOML", "curly quotes", "Line 5", "第 5 行有弯引号"),
    ),
    "full-width sign": Row(
        saved(lambda text: text.replace("appid =", "appid ＝", 1).encode()),
        ("not valid TOML", "full-width signs", "Line 5", "第 5 行"),
    ),
    "quote that is not closed": Row(
        dotenv(b'OTHER=1\nSECRET="0123456789\n'),
        (".env, line 2", "not closed", "第 2 行"),
    ),
    "question mark in a path": Row(
        path_of("CHANNELS_DATA", "a?b"), ("'?'", "DAGSTER_HOME", "路径")
    ),
    "percent escape in a path": Row(
        path_of("CHANNELS_DATA", "50%41"), ("'%41'", "CHANNELS_DATA", "路径")
    ),
    "question mark in the home": Row(path_of("DAGSTER_HOME", "a?b"), ("'?'", "DAGSTER_HOME")),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_an_odd_habit_is_one_line(make_project: Make, row: Row) -> None:
    project = make_project(small_world())
    project.write(league=False)
    secret = project.environment[variable(project)]
    row.prepares(project)
    before = sorted(project.folder.rglob("*"))
    done = project.refresh()
    assert done.code == 2, done.err
    assert done.err.count("\n") == 1
    english = [word for word in row.words if word.isascii()]
    assert [word for word in english if word not in done.err] == [], done.err
    error = json.loads(done.out)["error"]
    assert (error["class"], error["path"]) == ("ConfigError", None)
    assert f"channels-assets: {error['message']}\n" == done.err
    for path in set(project.folder.rglob("*")) - set(before):
        assert path.is_relative_to(project.data), path

    for name, words in (("en_US.UTF-8", row.words[0]), ("zh_CN.UTF-8", row.words[-1])):
        project.environment["LANG"] = name
        doctor = project.command("doctor")
        assert doctor.code in (1, 2)
        assert "Traceback" not in doctor.err
        assert words in doctor.out
        assert secret not in doctor.out + doctor.err + done.err + done.out


def test_a_tilde_is_the_home_folder(make_project: Make) -> None:
    """As .env and quotes leave it, which no shell has replaced."""
    project = make_project(small_world())
    home = project.folder / "home"
    home.mkdir()
    (project.folder / "channels.toml").rename(home / "channels.toml")
    project.environment |= {
        "HOME": str(home),
        "CHANNELS_CONFIG": "~/channels.toml",
        "CHANNELS_DATA": "~/our data",
        "DAGSTER_HOME": "~/dagster",
    }
    assert project.refresh().code == 0
    assert project.command("partitions").out.count("\n") > 1
    assert sorted(path.name for path in project.folder.iterdir()) == ["home"]
    assert sorted(path.name for path in home.iterdir()) == ["channels.toml", "dagster", "our data"]


def test_a_virtual_environment_may_be_named_env(make_project: Make) -> None:
    project = make_project(small_world())
    (project.folder / ".env").mkdir()
    (project.folder / ".env" / "pyvenv.cfg").touch()
    assert project.refresh().code == 0


@pytest.mark.parametrize("encoding", ["latin-1", "gbk", "ascii"])
def test_a_log_without_chinese_has_the_whole_report(make_project: Make, encoding: str) -> None:
    project = make_project(small_world())
    project.sandbox.inject(Fault("capability_off", text="no right 🚫 权限"))
    project.environment["PYTHONIOENCODING"] = encoding
    done = raw_command(project, "refresh")
    assert done.returncode == 1
    assert b"Error" not in done.stderr
    lines = done.stdout.decode(encoding).splitlines()
    assert any(line.startswith("failed ") for line in lines)
    assert "Read it in" in lines[-1]
    as_json = json.loads(raw_command(project, "refresh", "--json").stdout.decode(encoding))
    errors = [each["error"] for asset in as_json["assets"].values() for each in asset["failed"]]
    assert any("接口" in error or "权限" in error for error in errors)
    for command in (("doctor",), ("doctor", "--quota"), ("--help",)):
        done = raw_command(project, *command)
        assert done.returncode in (0, 1)
        assert done.stderr == b""
        # For --help, click takes UTF-8 where the encoding is ASCII.
        assert done.stdout.decode(
            "utf-8" if command == ("--help",) and encoding == "ascii" else encoding
        )


def raw_command(
    project: Project, *arguments: str, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        project.line(*arguments),
        check=False,
        cwd=project.folder,
        env=project.environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=200,
    )


WRITING = [("refresh",), ("refresh", "--json"), ("doctor",), ("partitions",), ("--help",)]


@pytest.mark.parametrize("command", WRITING)
@pytest.mark.parametrize("fresh", [False, True])
def test_stdout_that_is_full(make_project: Make, command: tuple[str, ...], fresh: bool) -> None:
    project = make_project(small_world())
    project.fresh = fresh
    if command == ("partitions",):
        assert project.refresh().code == 0
    with open("/dev/full", "w") as full:
        done = raw_command(project, *command, stdout=full.fileno())
    assert done.returncode == 3
    assert done.stderr.startswith(b"channels-assets: stdout can't be written: No space left")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("command", [("refresh",), ("refresh", "--json"), ("doctor",)])
def test_a_reader_that_has_gone(make_project: Make, command: tuple[str, ...]) -> None:
    """As in `channels-assets doctor | head -1`: nobody is told, as of other programs."""
    project = make_project(small_world())
    reading, writing = os.pipe()
    os.close(reading)
    done = raw_command(project, *command, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


LOOKING = {
    "partitions": (("partitions",), 0, "no lists known yet"),
    "doctor": (("doctor",), 0, ""),
    "doctor, json": (("doctor", "--json"), 0, ""),
    "quota": (("doctor", "--quota"), 0, ""),
    "export-links": (("export-links",), 2, "channels-assets refresh"),
}


@pytest.mark.parametrize("configured", [False, True], ids=["cron in another folder", "own folder"])
@pytest.mark.parametrize("case", LOOKING)
def test_a_looking_command_writes_nothing(make_project: Make, case: str, configured: bool) -> None:
    project = make_project(small_world())
    command, code, words = LOOKING[case]
    if not configured:
        (project.folder / "channels.toml").unlink()
        project.environment = {"PATH": os.environ["PATH"], "HOME": str(project.folder)}
    before = sorted(project.folder.rglob("*"))
    done = project.command(*command)
    assert done.code == code, done.out + done.err
    assert words in done.err
    assert sorted(project.folder.rglob("*")) == before


def test_made_up_data_is_named_on_stdout(make_project: Make) -> None:
    project = make_project(small_world())
    assert json.loads(project.refresh().out)["made_up"] is False
    (project.folder / "channels.toml").unlink()
    elsewhere = project.folder / "elsewhere"
    # What a command that was killed has left, and something of another program's.
    leftovers = elsewhere / "data" / "dagster_home" / "channels_assets" / "sandbox"
    leftovers.mkdir(parents=True)
    (leftovers / "sandbox-abc.toml").write_text("x")
    (leftovers / "sandbox-1.toml").mkdir()
    project.folder = elsewhere
    project.environment = {"PATH": os.environ["PATH"], "HOME": str(elsewhere)}
    done = project.command("refresh")
    assert done.code == 0, done.err
    assert "made-up data" in done.out
    assert "虚构数据" in done.out
    assert json.loads(project.refresh().out)["made_up"] is True
    assert project.command("partitions").out.count("\n") > 1


def test_the_environment_wins_over_dotenv(tmp_path: Path) -> None:
    """A file with CR alone, CRLF, a mark at its beginning, and no end of the last line."""
    (tmp_path / ".env").write_bytes("\ufeffA=1\r\nB='x y'\rC=3\nD=4".encode())
    script = (
        "import os\nfrom channels_assets.environment import load_environment\n"
        "load_environment()\nprint([os.environ.get(name) for name in 'ABCD'])\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "D": "5"},
        capture_output=True,
        text=True,
    ).stdout
    assert out == "['1', 'x y', '3', '5']\n"
