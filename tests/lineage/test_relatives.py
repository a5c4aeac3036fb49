"""What is told beside a trace: each stage's verdict, relatives, builds that hold a document, PROV."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from pipelines.commands.app import app
from pipelines.lineage.holding import builds_in, holdings
from pipelines.lineage.prov import prov_document
from pipelines.lineage.trace import Trace, trace_document
from pipelines.lineage.verdicts import relatives
from pipelines.lineage.verify import verify
from schemas.errors import UsageError
from schemas.reasons import Stage
from tests.laws.builds import malmoi
from tests.laws.tiny import Built, Partner, build, text, write_home

ORDER = ["admission", *map(str, Stage), "tokenise"]


@pytest.fixture(scope="module")
def partners() -> list[Partner]:
    alpha = [{"id": f"a{n}", "text": text(n) + " 전화는 010-8431-2841이에요."} for n in range(3)]
    beta = [
        {"id": "b0", "text": alpha[0]["text"]},
        {"id": "b1", "text": alpha[0]["text"].replace("오래", "잠깐", 1)},
        {"id": "b2", "text": "ㅋ"},
    ]
    return [Partner("alpha", rows=alpha), Partner("beta", rows=beta)]


@pytest.fixture(scope="module")
def made(partners, tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = tmp_path_factory.mktemp("relatives")
    first = build(home, write_home(home, partners), "first")
    write_home(home, [partners[1], partners[0]])  # the same drops, the other partner first
    build(home, home / "recipe.yaml", "second")
    return first


def traced(made: Built, partner: Partner, key: str) -> Trace:
    return trace_document(made.directory, partner.doc_id(key).hex())


def test_a_kept_document_passed_every_stage_with_what_it_found(partners, made: Built):
    found = traced(made, partners[0], "a0")
    assert [one.stage for one in found.stages] == ORDER
    assert {one.verdict for one in found.stages} == {"passed"}
    facts = {one.stage: one.facts for one in found.stages}
    assert facts["language"] == {"language": "ko"}
    assert facts["find_pii"] == {"found": 1}
    assert facts["replace_pii"] == {"by_class": {"PHONE_NUMBER": 1}}
    assert facts["dedup"] == {"lost_to": "nobody"}
    assert facts["tokenise"] == {
        "tokens": found.tokens,
        "shard": found.shard,
        "shard_row": found.shard_row,
    }


@pytest.mark.parametrize(("key", "stage", "reason"), [("b1", "dedup", "near_duplicate"), ("b2", None, None)])
def test_a_dropped_document_passed_up_to_the_stage_that_dropped_it(partners, made: Built, key, stage, reason):
    found = traced(made, partners[1], key)
    at = ORDER.index(stage or found.stage)
    assert [one.verdict for one in found.stages] == [
        *["passed"] * at,
        "dropped",
        *["not reached"] * (len(ORDER) - at - 1),
    ]
    assert found.stages[at].facts["reason"] == (reason or found.reason)
    assert found.stages[at].why
    if key == "b1":
        assert found.stages[at].facts["lost_to"] == partners[0].doc_id("a0").hex()


def test_relatives_are_those_that_lost_to_it_and_those_it_lost_to(partners, made: Built):
    alpha, beta = partners
    winner = relatives(made.directory, made.manifest, alpha.doc_id("a0"))
    assert (winner.lost_to_it, winner.kept_alike) == (2, 0)
    assert {(one.doc_id, one.partner, one.decision, one.relation) for one in winner.nearest} == {
        (beta.doc_id(key).hex(), "beta", "dropped", "lost to it") for key in ("b0", "b1")
    }
    assert winner.nearest[0].similarity == 1.0 > winner.nearest[1].similarity > 0.8
    loser = relatives(made.directory, made.manifest, beta.doc_id("b1"))
    assert [(one.doc_id, one.relation, one.decision) for one in loser.nearest] == [
        (alpha.doc_id("a0").hex(), "kept", "kept")
    ]
    assert relatives(made.directory, made.manifest, alpha.doc_id("a1")).nearest == ()
    one = relatives(made.directory, made.manifest, alpha.doc_id("a0"), shown=1)
    assert (len(one.nearest), one.lost_to_it) == (1, 2)


def test_every_build_in_a_directory_says_what_it_made_of_a_document(partners, made: Built):
    home = made.directory.parent
    beta = [partners[1].doc_id(key).hex() for key in ("b0", "b1")]  # alike, so one of them is kept
    (kept,) = [one for one in beta if trace_document(home / "second", one).decision == "kept"]
    found = {one.build: one for one in holdings(builds_in(home), kept)}
    assert set(found) == {"first", "second"}
    assert (found["first"].decision, found["first"].stage) == ("dropped", "dedup")
    assert found["first"].duplicate_of == partners[0].doc_id("a0").hex()
    assert (found["second"].decision, found["second"].reason) == ("kept", None)
    assert found["second"].shard is not None
    assert [one.decision for one in holdings(builds_in(home), "0" * 32)] == ["not there"] * 2
    assert builds_in(made.directory) == (made.directory,)
    with pytest.raises(UsageError, match="holds no build"):
        builds_in(home / "contracts")
    done = malmoi("trace", "--doc", kept, "--builds", home, "--json")
    assert done.returncode == 0, done.stderr
    assert [one["decision"] for one in json.loads(done.stdout)] == ["dropped", "kept"]
    assert malmoi("trace", "--doc", "0" * 32, "--builds", home).returncode == 1


def test_prov_is_read_by_the_prov_package_and_comes_back_the_same(partners, made: Built):
    model = pytest.importorskip("prov.model", reason="in requirements-dev.lock: make test installs it")
    digests = [made.manifest.drops[0].files[0].sha256, made.manifest.contracts[0].digest]
    for partner, key in ((partners[0], "a0"), (partners[1], "b1"), (partners[1], "b2")):
        trace = traced(made, partner, key)
        near = relatives(made.directory, made.manifest, bytes.fromhex(trace.doc_id))
        ours = prov_document(made.directory, made.manifest, trace, near)
        read = model.ProvDocument.deserialize(content=json.dumps(ours), format="json")
        again = read.serialize(format="json")
        assert model.ProvDocument.deserialize(content=again, format="json") == read
        counted = {kind: len(names) for kind, names in ours.items()}
        assert {kind: len(names) for kind, names in json.loads(again).items()} == counted
        assert ("wasInvalidatedBy" in ours) is (trace.decision == "dropped")
        assert any(name.startswith("malmoi:shard-row.") for name in ours["entity"]) is (
            trace.shard is not None
        )
        if key == "a0":
            assert all(any(digest in name for name in ours["entity"]) for digest in digests)
            assert len(ours["alternateOf"]) == 2


def test_prov_comes_out_of_the_command_and_not_of_a_text(partners, made: Built):
    done = malmoi("trace", made.directory, "--shard", made.manifest.shards[0].name, "--row", "0", "--prov")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) > {"prefix", "entity", "activity", "agent", "wasDerivedFrom"}
    assert malmoi("trace", made.directory, "--text", "-", "--prov", stdin=b"x").returncode == 2
    assert verify(made.directory) == ()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("BUILD",),
        ("--doc", "0" * 32),
        ("BUILD", "--doc", "0" * 32, "--text", "x"),
        ("BUILD", "--row", "1"),
    ],
)
def test_what_does_not_say_one_thing_to_trace_is_told_what_it_may_say(made: Built, words):
    given = [str(made.directory) if word == "BUILD" else word for word in words]
    with pytest.raises(UsageError, match="trace wants BUILD with"):
        CliRunner().invoke(app(), ["trace", *given], catch_exceptions=False)


def test_a_token_leads_where_its_document_does(made: Built):
    name = made.manifest.shards[0].name
    by_row = CliRunner().invoke(
        app(), ["trace", str(made.directory), "--shard", name, "--row", "0", "--json"]
    )
    by_token = CliRunner().invoke(app(), ["trace", str(made.directory), "--token", f"{name}:0", "--json"])
    assert by_row.exit_code == 0
    assert by_token.output == by_row.output
    assert {"stages", "relatives"} <= set(json.loads(by_token.output))
