"""malmoi contract init: a contract drafted from a sample of a folder of files.

files -> samples -> data sets -> columns       pipelines.intake.draft_*
      -> languages and personal data of texts   the build's own stages
      -> YAML with comments                     pipelines.intake.contract_draft
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow as pa

from pipelines.intake.contract_draft import Findings, draft_contract
from pipelines.intake.draft_choices import propose
from pipelines.intake.draft_groups import group_files, to_sample
from pipelines.intake.draft_sample import SAMPLE_BYTES, FileSample, Unread, files_of, sample_file
from pipelines.intake.draft_set import DraftSet
from pipelines.intake.draft_texts import texts_of
from pipelines.intake.drop_json import read_drop_json
from pipelines.stages.extract import extract
from pipelines.stages.language import language
from pipelines.stages.normalise import normalise
from pipelines.stages.pii.find import find_pii
from schemas.contract import Column, DataSet, Kind, Role
from schemas.documents import DOCUMENT
from schemas.drop import DROP_JSON
from schemas.errors import InputUnreadable, UsageError
from schemas.recipe import ExtractSettings, LanguageSettings, NormaliseSettings, PiiSettings

TOTAL_BYTES = 256 << 20  # uncompressed, of all samples together: many files are sampled by less of each
TEXTS = 2_000  # of one data set whose language and personal data is looked at
FIRST_VERSION = "1.0.0"
_SHARE = 0.02  # of the texts, from which a language counts as one of the data set's


def draft(drop: Path, *, partner: str) -> str:
    """The YAML of a contract for the files of a folder, with TODO where a person decides.

    Raises UsageError for a partner that is no word, InputUnreadable where no file can be read.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", partner):
        raise UsageError("--partner: it becomes part of file names: use a-z, 0-9 and _, a letter first")
    paths = files_of(drop)
    chosen = to_sample(paths)
    most = min(SAMPLE_BYTES, max(1 << 20, TOTAL_BYTES // len(chosen)))
    read = [sample_file(drop, path, most) for path in chosen]
    samples = [sample for sample in read if isinstance(sample, FileSample)]
    unread = [sample for sample in read if isinstance(sample, Unread)]
    if not samples:
        why = "; ".join(sorted({file.why for file in unread}))
        raise InputUnreadable(f"{drop.name}: no file a contract could be drafted from ({why})")
    sets = []
    for group in group_files(samples, paths, {file.path for file in unread}):
        sampled = sum((drop / sample.path).stat().st_size for sample in group.samples)
        others = sum((drop / path).stat().st_size for path in group.more)
        proposed = propose(group, scale=1 + others / max(1, sampled))
        sets.append((proposed, findings(proposed)))
    return draft_contract(partner, sets, unread, version=_version(drop))


def _version(drop: Path) -> str:
    """The contract's version by drop.json, under another the drop would be refused; the first without one."""
    try:
        return read_drop_json(drop / DROP_JSON).contract.version
    except (FileNotFoundError, InputUnreadable):  # admission tells what is wrong with it
        return FIRST_VERSION


def findings(proposed: DraftSet) -> Findings:
    """Languages and classes of personal data in the texts of a data set; counts only."""
    texts = [pair for pair in texts_of(proposed, TEXTS) if pair[0]]
    if not texts:
        return Findings(0, {}, {})
    plain = _clean(_batch(texts), proposed)
    if proposed.kind is Kind.CODE:
        languages = {"code": 1.0}
    else:  # twice: what is declared decides where a short text does not
        declared = tuple(_shares(plain, _data_set(proposed, ())))
        shares = _shares(plain, _data_set(proposed, declared))
        languages = {code: shares.get(code, 0.0) for code in declared}
    return Findings(len(texts), languages, _personal_data(plain, proposed))


def _shares(batch: pa.RecordBatch, data_set: DataSet) -> dict[str, float]:
    """Shares of the texts by language, the largest first; only languages that contracts can name."""
    told = language(batch, LanguageSettings(), data_set)
    counts = Counter(told.kept["language"].to_pylist() + told.dropped["language"].to_pylist())
    known = {code: n for code, n in counts.items() if code and re.fullmatch("[a-z]{2}", code)}
    rows = max(1, batch.num_rows)
    shares = {code: n / rows for code, n in sorted(known.items(), key=lambda item: (-item[1], item[0]))}
    return {code: share for code, share in shares.items() if share >= _SHARE}


def _personal_data(batch: pa.RecordBatch, proposed: DraftSet) -> dict[str, int]:
    found = find_pii(batch, PiiSettings(max_share=1.0), _data_set(proposed, ()))
    counts: Counter[str] = Counter()
    for spans in found.kept["spans"].to_pylist():
        counts.update({span["label"] for span in spans})
    return dict(sorted(counts.items()))


def _clean(batch: pa.RecordBatch, proposed: DraftSet) -> pa.RecordBatch:
    """Texts as the stages after extraction see them."""
    data_set = _data_set(proposed, ())
    return normalise(extract(batch, ExtractSettings(), data_set).kept, NormaliseSettings(), data_set).kept


def _data_set(proposed: DraftSet, languages: tuple[str, ...]) -> DataSet:
    first = proposed.group.samples[0]
    return DataSet(
        name=proposed.group.name,
        kind=proposed.kind,
        files=proposed.group.globs,
        format=proposed.format,
        encoding=first.encoding,
        delimiter=first.delimiter,
        markup=proposed.markup,
        join="\n",
        delivery=proposed.delivery,
        languages=languages,
        columns=tuple(
            Column(c.profile.name, Role.TEXT, c.logical_type, c.required, c.profile.path)
            for c in proposed.of_role(Role.TEXT)
        ),
    )


def _batch(texts: list[tuple[str, str | None]]) -> pa.RecordBatch:
    count = len(texts)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([number.to_bytes(16, "big") for number in range(count)], pa.binary(16)),
            pa.array(range(count), pa.int64()),
            pa.array([text for text, _ in texts], pa.string()),
            pa.array([declared for _, declared in texts], pa.string()),
        ],
        schema=DOCUMENT,
    )
