"""The errors of the warehouse. Their messages say what to do."""

from channels_assets.machine_errors import MachineError


class WarehouseError(Exception):
    """The warehouse can't do what was asked; the message says why and what to do."""


class WarehouseBusy(WarehouseError):
    """Other processes held the writers' lock for longer than the caller's timeout."""


class StorageError(WarehouseError, MachineError):
    """A file of the warehouse can't be used on this machine as it is."""


class DamagedFile(StorageError):
    """A file is not a whole DuckDB file: cut off, empty, overwritten."""


class FileInUse(StorageError):
    """Another program has the file open for writing."""
