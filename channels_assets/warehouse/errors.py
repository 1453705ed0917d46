"""The errors of the warehouse. Their messages say what to do."""


class WarehouseError(Exception):
    """The warehouse can't do what was asked; the message says why and what to do."""


class WarehouseBusy(WarehouseError):
    """Other processes held the writers' lock for longer than the caller's timeout."""


class DamagedFile(WarehouseError):
    """A file is not a whole DuckDB file: cut off, empty, overwritten."""


class FileInUse(WarehouseError):
    """Another program has the file open for writing."""
