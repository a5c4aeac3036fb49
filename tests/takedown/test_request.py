"""The request's file: strict, and nothing of what it holds gets into a message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.takedown.request import read_request
from schemas.errors import MalmoiError
from schemas.takedown import Rows, Scope, Why

GOOD = {
    "request": "2026-1",
    "asked_by": "desk",
    "notice": "2026-11-24",
    "reason": "data_subject",
    "documents": ["0" * 32],
}


def test_yaml_and_json_say_the_same(tmp_path: Path):
    yaml, as_json = tmp_path / "request.yaml", tmp_path / "request.json"
    yaml.write_text(
        'request: 2026-1\nasked_by: desk\nnotice: "2026-11-24"\nreason: data_subject\nscope: content\n'
        "rows:\n  - {partner: alpha, data_set: posts, keys: [a, [b, c]]}\n"
    )
    rows = [{"partner": "alpha", "data_set": "posts", "keys": ["a", ["b", "c"]]}]
    given = {**GOOD, "scope": "content", "rows": rows}
    del given["documents"]
    as_json.write_text(json.dumps(given))
    assert read_request(yaml) == read_request(as_json)
    request = read_request(yaml)
    assert (request.scope, request.reason) == (Scope.CONTENT, Why.DATA_SUBJECT)
    assert request.rows == (Rows("alpha", "posts", ("a", ("b", "c"))),)
    assert request.rows[0].parts == (("a",), ("b", "c"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"documents": ["canary-secret"]}, "documents"),
        ({"documents": []}, "names nothing"),
        ({"reason": "canary-secret"}, "reason"),
        ({"notice": "24.11.2026"}, "notice"),
        ({"asked_by": None}, "asked_by"),
        ({"scope": 3}, "scope"),
        ({"rows": [{"partner": "../x", "data_set": "p", "keys": ["canary-secret"]}]}, "rows"),
        ({"contract": "../canary-secret"}, "contract"),
        ({"colour": "canary-secret"}, "colour"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(tmp_path: Path, change: dict, told: str):
    path = tmp_path / "request.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(MalmoiError, match=told) as caught:
        read_request(path)
    assert "canary-secret" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "[1, 2]", "request: [", "request: a\nrequest: b\n"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "request.yaml"
    path.write_text(content)
    with pytest.raises(MalmoiError):
        read_request(path)
