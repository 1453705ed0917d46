"""Machine errors in a run of Dagster: no RetryPolicy tries them again, and the command says the same line."""

from __future__ import annotations

from dagster import DagsterEvent, DagsterEventType, Failure, MetadataValue

from channels_assets.machine_errors import MachineError
from channels_assets.warehouse import machine_error_of

_METADATA = "machine_error"
_PATH = "path"


def raise_machine_failure(error: Exception) -> None:
    """Raises a Failure that ends the step at once, where the machine caused `error`."""
    if isinstance(error, Failure) or (found := machine_error_of(error)) is None:
        return
    metadata = {
        _METADATA: MetadataValue.text(str(found)),
        _PATH: MetadataValue.text(found.path or ""),
    }
    raise Failure(str(found), metadata=metadata, allow_retries=False) from error


def machine_error_in(event: DagsterEvent) -> MachineError | None:
    """The machine error that ended a step or a run, if it was one."""
    if event.event_type == DagsterEventType.STEP_FAILURE:
        data = event.step_failure_data
        metadata = data.user_failure_data.metadata if data.user_failure_data else {}
        if _METADATA in metadata:
            return MachineError(str(metadata[_METADATA].value), str(metadata[_PATH].value) or None)
        cause = data.error
    elif event.event_type == DagsterEventType.PIPELINE_FAILURE:
        cause = event.job_failure_data.error
    else:
        return None
    # Outside a body, such as while a resource is made: Dagster has kept the text alone.
    while cause is not None:
        if cause.cls_name == MachineError.__name__:
            return MachineError(cause.message.partition(f"{MachineError.__name__}: ")[2].strip())
        cause = cause.cause
    return None
