"""The entry point of `channels-assets` and `python -m channels_assets.cli`."""

import gc

from channels_assets.cli.main import main
from channels_assets.cli.second_signal import handle_signals


def entry() -> None:
    # Lists make many objects and little garbage, and each collection stops all threads.
    gc.set_threshold(20_000, 10, 10)
    handle_signals()
    main()


if __name__ == "__main__":
    entry()
