"""The request's file, read strictly: every field that is wrong is named, nothing of what it holds is."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipelines.intake.yaml_source import read_yaml
from schemas.errors import ContractRejected, UsageError
from schemas.identity import canonical_json
from schemas.takedown import TakedownRequest


def read_request(path: Path) -> TakedownRequest:
    """A request from YAML or JSON.

    Raises ContractRejected where it is neither, UsageError for a field that is unknown, missing or not of its
    type, and for a request that names nothing.
    """
    source = read_yaml(path)
    if source.broken or not isinstance(source.value, dict):
        if source.problems:
            raise ContractRejected(source.problems)
        raise UsageError(f"{path.name}: is no request: write request, asked_by, notice, reason, documents")
    try:
        request = TypeAdapter(TakedownRequest).validate_json(canonical_json(source.value), strict=True)
    except ValidationError as error:
        faults = {
            ".".join(str(part) for part in fault["loc"] if isinstance(part, str | int)): fault["msg"]
            for fault in error.errors(include_input=False, include_url=False, include_context=False)
        }
        said = "\n  ".join(f"{place}: {message}" for place, message in sorted(faults.items()))
        raise UsageError(f"{path.name}: is no takedown request, mend it:\n  {said}") from None
    if request.empty:
        raise UsageError(
            f"{path.name}: names nothing: write documents, rows, subjects, texts, domains or contract"
        )
    return request
