"""OpenLineage events of a build and its stages, from plain facts (`schemas.lineage`).

A build is a job, each of its stages one below it (parent facet); data sets have the schema, version,
statistics, column lineage and rights (our own facet, schemas/malmoi-openlineage.schema.json) that are known.
Importing this costs 0.4 s (the client and requests): only a running build does, in a thread of its own.
Source: OpenLineage 2-0-2, openlineage.client 1.54 (its classes are made from the official JSON Schemas).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attr
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    DatasetFacet,
    JobFacet,
    RunFacet,
    column_lineage_dataset,
    dataset_version_dataset,
    documentation_job,
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
    source_code_job,
)
from openlineage.client.uuid import generate_static_uuid

from schemas.lineage import Asset, CodeFacts, FieldOrigin, JobFacts, Moment

PRODUCER = "urn:malmoi:0.1.0"
_FACETS = "urn:malmoi:openlineage:1#/$defs/"


@attr.define
class RightsDatasetFacet(DatasetFacet):
    """What the contract of a data set allows; its fields are those of the schema."""

    @staticmethod
    def _get_schema() -> str:
        return _FACETS + "RightsDatasetFacet"


@attr.define
class StatisticsRunFacet(RunFacet):
    """Counts of a run, by name."""

    @staticmethod
    def _get_schema() -> str:
        return _FACETS + "StatisticsRunFacet"


@attr.define
class CodeRunFacet(RunFacet):
    """What ran."""

    @staticmethod
    def _get_schema() -> str:
        return _FACETS + "CodeRunFacet"


def run_id(started: float, *, run: str, stage: str = "") -> str:
    """The UUID (version 7) of a run of a build, or of a stage in it: the same for the same run's name."""
    return str(generate_static_uuid(datetime.fromtimestamp(started, UTC), f"{run}\n{stage}".encode()))


def event(
    job: JobFacts,
    moment: Moment,
    *,
    run: str,
    namespace: str,
    code: CodeFacts,
    parent: tuple[str, str] | None = None,
) -> RunEvent:
    """One event of a job. `parent`: run id and job name of the build it is part of."""
    run_facets: dict[str, Any] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            version=code.engine, name="Apache Beam", openlineageAdapterVersion="malmoi-0.1.0"
        ),
        "malmoi_code": _with(
            CodeRunFacet(producer=PRODUCER),
            identity=code.identity,
            date=code.date,
            stageVersions=dict(code.stage_versions),
            models=dict(code.models),
            lock=code.lock,
        ),
    }
    if moment.statistics:
        run_facets["malmoi_statistics"] = _with(
            StatisticsRunFacet(producer=PRODUCER), **{"tasks": 0, **moment.statistics}
        )
    if moment.error:
        run_facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=moment.error, programmingLanguage="python", producer=PRODUCER
        )
    if parent is not None:
        run_facets["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(runId=parent[0]),
            job=parent_run.Job(namespace=namespace, name=parent[1]),
            root=parent_run.Root(
                run=parent_run.RootRun(runId=parent[0]),
                job=parent_run.RootJob(namespace=namespace, name=parent[1]),
            ),
            producer=PRODUCER,
        )
    return RunEvent(
        eventType=RunState[moment.kind],
        eventTime=datetime.fromtimestamp(moment.at, UTC).isoformat(timespec="milliseconds"),
        run=Run(run, facets=run_facets),
        job=Job(namespace, job.name, facets=_job_facets(job, whole=parent is None)),
        inputs=[_input(asset, namespace) for asset in job.inputs],
        outputs=[_output(asset, namespace) for asset in job.outputs],
        producer=PRODUCER,
    )


def _job_facets(job: JobFacts, *, whole: bool) -> dict[str, JobFacet]:
    return {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType="BATCH",
            integration="MALMOI",
            jobType="BUILD" if whole else "STAGE",
            producer=PRODUCER,
        ),
        "documentation": documentation_job.DocumentationJobFacet(
            description=job.description, producer=PRODUCER
        ),
        "sourceCode": source_code_job.SourceCodeJobFacet(
            language="python", sourceCode=job.source, producer=PRODUCER
        ),
    }


def _input(asset: Asset, namespace: str) -> InputDataset:
    facets: dict[str, Any] = {}
    if _counted(asset):
        facets["inputStatistics"] = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
            rowCount=asset.rows, size=asset.bytes, fileCount=asset.files, producer=PRODUCER
        )
    return InputDataset(namespace, asset.name, inputFacets=facets, facets=_dataset_facets(asset, namespace))


def _output(asset: Asset, namespace: str) -> OutputDataset:
    facets: dict[str, Any] = {}
    if _counted(asset):
        facets["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=asset.rows, size=asset.bytes, fileCount=asset.files, producer=PRODUCER
        )
    return OutputDataset(namespace, asset.name, outputFacets=facets, facets=_dataset_facets(asset, namespace))


def _counted(asset: Asset) -> bool:
    return (asset.rows, asset.bytes, asset.files) != (None, None, None)


def _dataset_facets(asset: Asset, namespace: str) -> dict[str, DatasetFacet]:
    facets: dict[str, DatasetFacet] = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=asset.version, producer=PRODUCER
        )
    }
    if asset.fields:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(
            fields=[
                schema_dataset.SchemaDatasetFacetFields(name=name, type=kind, description=what or None)
                for name, kind, what in asset.fields
            ],
            producer=PRODUCER,
        )
    if asset.rights is not None:
        facets["malmoi_rights"] = _with(RightsDatasetFacet(producer=PRODUCER), **asset.rights)
    if asset.origins or asset.filtered_by:
        facets["columnLineage"] = _column_lineage(asset.origins, asset.filtered_by, namespace)
    return facets


def _column_lineage(
    origins: Sequence[FieldOrigin], filtered_by: Sequence[tuple[str, str]], namespace: str
) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    fields: dict[str, list[column_lineage_dataset.InputField]] = {}
    for origin in origins:
        how = column_lineage_dataset.Transformation(
            type="DIRECT", subtype=origin.subtype, description=origin.description, masking=origin.masking
        )
        fields.setdefault(origin.field, []).append(
            column_lineage_dataset.InputField(
                namespace, origin.source, origin.source_field, transformations=[how]
            )
        )
    filters = [
        column_lineage_dataset.InputField(
            namespace,
            name,
            column,
            transformations=[
                column_lineage_dataset.Transformation(type="INDIRECT", subtype="FILTER", masking=False)
            ],
        )
        for name, column in filtered_by
    ]
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={name: column_lineage_dataset.Fields(inputFields=found) for name, found in fields.items()},
        dataset=filters,
        producer=PRODUCER,
    )


def _with(facet: Any, **facts: object) -> Any:
    return facet.with_additional_properties(**facts)


def ended(kind: str, runs: Sequence[tuple[str, str, str]], *, at: float) -> list[RunEvent]:
    """Events that end runs of which nothing is known but (run id, namespace, job name)."""
    return [
        RunEvent(
            eventType=RunState[kind],
            eventTime=datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
            run=Run(run),
            job=Job(namespace, name),
            producer=PRODUCER,
        )
        for run, namespace, name in runs
    ]
