"""The entry point of `channels-assets` and `python -m channels_assets.cli`."""

import atexit
import gc


def entry() -> None:
    # Imports and lists make many objects and little garbage, and each collection stops all threads.
    gc.set_threshold(20_000, 10, 10)
    from channels_assets.cli.main import main  # noqa: PLC0415
    from channels_assets.cli.second_signal import handle_signals  # noqa: PLC0415

    handle_signals()
    # Modules stay until the end.
    gc.freeze()
    atexit.register(gc.unfreeze)
    main()


if __name__ == "__main__":
    entry()
