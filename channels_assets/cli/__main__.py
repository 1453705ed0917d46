"""What `channels-assets` and `python -m channels_assets.cli` run."""

from typing import NoReturn

from channels_assets.cli import main
from channels_assets.cli.process import run


def entry() -> NoReturn:
    run(main)


if __name__ == "__main__":
    entry()
