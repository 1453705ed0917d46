"""What `--help` says in Chinese, where the locale is."""

from __future__ import annotations

from collections.abc import Iterable

import click

from channels_assets.language import language

_COMMANDS = {
    "main": "通过 Dagster 把微信视频号橱窗与小店文章拉取到 DuckDB。",
    "refresh": "查找列表，全部拉取，写入 data/channels.duckdb。\n\n"
    "退出码 0：全部成功；1：有列表失败，或所要的内容无从请求；2：配置有误；3：本机有问题；130：被停止。",
    "partitions": "列出已知的列表，每个列表一个分区。",
    "doctor": "检查刷新所需的一切，并给出处理办法。\n\n"
    "包括设置、密钥、接口地址、token、账号类型、接口权限、IP 白名单、调用额度、列表、磁盘和数据库。\n\n"
    "退出码 0：一切正常；1：有错误；2：配置无法使用。",
    "dev": "打开 Dagster 界面 http://127.0.0.1:3000，与 refresh 使用同一个实例。\n\n"
    "每个实例只能运行一个。按 Ctrl-C、关闭终端或被杀死时，由它启动的全部进程一并结束。"
    "退出码 2：已在运行，或端口被占用。",
    "notebook": "在 JupyterLab 中打开你自己的笔记本副本（data/notebooks）。",
    "export-links": "把推客 SHARER（sharer_appid）的推广链接导出为 JSON 和 CSV。\n\n"
    "JSON 可直接交给 wx.openOfficialAccountArticle，CSV 给人看。只有一个推客时可省略 SHARER。",
    "sandbox": "单独启动沙盒接口（模拟微信接口）。",
}
"""The help of each command; its first line stands in the list of commands."""
_WORDS = {
    "Options": "选项",
    "Commands": "命令",
    "Usage: ": "用法：",
    "Only this asset.": "只刷新该资产。",
    "Only this list (see `partitions`).": "只刷新该列表（见 partitions）。",
    "Print one JSON object on stdout.": "在标准输出打印一个 JSON 对象。",
    "Remove article lists that the API no longer lists.": "删除接口不再列出的文章列表。",
    "Calls left today, and what a refresh costs.": "今日剩余调用次数，以及一次刷新的开销。",
    "Port of the Dagster UI.": "Dagster 界面的端口。",
    "Port of JupyterLab.": "JupyterLab 的端口。",
    "Whether to open a browser.": "是否打开浏览器。",
    "The folder to write into.": "写入的目录。",
    "Seconds that each answer takes.": "每次应答所需的秒数。",
    "Show the version and exit.": "显示版本并退出。",
    "Show this message and exit.": "显示本说明并退出。",
}


class HelpFormatter(click.HelpFormatter):
    """Looks at the locale when help is shown."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, _translated("Usage: ") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(_translated(heading))

    def write_text(self, text: str) -> None:
        """Of click's own code, only the help of a command comes here."""
        context = click.get_current_context(silent=True)
        name = context.command.name if context is not None else None
        if language() == "zh" and name in _COMMANDS:
            text = _COMMANDS[name]
        super().write_text(text)

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        if language() == "zh":
            rows = [(first, _explained(first, second)) for first, second in rows]
        super().write_dl(rows, col_max, col_spacing)


def _explained(first: str, second: str) -> str:
    if first in _COMMANDS:
        return _COMMANDS[first].splitlines()[0]
    text, space, default = second.partition("  [")
    return (_translated(text) + space + default).replace("default: ", "默认：")


def _translated(text: str) -> str:
    return _WORDS.get(text, text) if language() == "zh" else text
