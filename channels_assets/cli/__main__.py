"""The entry point of `channels-assets` and `python -m channels_assets.cli`."""

import atexit
import gc

from channels_assets.cli.first_signal import handle_first_signal, ignore_signals


def entry() -> None:
    # Imports and lists make many objects and little garbage, and each collection stops all threads.
    gc.set_threshold(20_000, 10, 10)
    handle_first_signal()
    # Registered first, so that it runs last.
    atexit.register(ignore_signals)

    # They take a second or two, in which a signal must not raise an exception.
    from channels_assets.cli.main import main  # noqa: PLC0415
    from channels_assets.cli.second_signal import handle_signals  # noqa: PLC0415

    handle_signals()
    # Modules stay until the end.
    gc.freeze()
    atexit.register(gc.unfreeze)
    main()


if __name__ == "__main__":
    entry()
