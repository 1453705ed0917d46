"""What goes wrong in the warehouse, in words that say what to do."""


class WarehouseError(Exception):
    """The warehouse can't do what was asked; the message says why and what to do."""


class WarehouseBusy(WarehouseError):
    """Others had their turn at the warehouse for longer than one was willing to wait."""


class DamagedFile(WarehouseError):
    """A file is no whole DuckDB file: cut off, empty, overwritten."""


class FileInUse(WarehouseError):
    """Another program has the file open for writing."""
