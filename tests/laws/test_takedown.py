"""Law of takedown: what is left is the build from nothing over the same registry with the takedown in it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.lineage.verify import verify
from pipelines.takedown.carry_out import Carried, carry_out, dry_run, open_house
from schemas.errors import UsageError
from schemas.manifest import manifest_bytes, read_manifest
from schemas.takedown import Rows, Scope, TakedownRequest, Why
from tests.laws.builds import malmoi
from tests.laws.test_prefix_stability import AT, House
from tests.laws.tiny import DAY, WORDS, Built, Partner, build, text, write_home

EPOCHS = 3


def near(said: str, random: Random) -> str:
    """Nearly the same text: one of its words is another, so near copies of near copies drift apart."""
    words = said.split(" ")
    places = [place for place, word in enumerate(words) if word in WORDS]
    words[random.choice(places)] = random.choice(WORDS)
    return " ".join(words)


def history(home: Path, seed: int, **recipe: object) -> House:
    """Three epochs of two partners with copies and chains of near copies across all of them."""
    random = Random(seed)
    house = House(home)
    content = json.loads(house.recipe.read_text())
    content["tokens"]["validation_share"] = 0.3
    content.update(recipe)
    house.recipe.write_text(json.dumps(content))
    said: list[str] = []
    for epoch in range(EPOCHS):
        for partner in random.sample(["alpha", "beta"], 2):
            rows = []
            for number in range(random.randint(3, 12)):
                new = text(seed + 1000 * epoch + 100 * (partner == "beta") + number)
                old = random.choice(said or [new])
                chosen = random.choice([new, old, near(old, random), near(near(old, random), random)])
                said.append(chosen)
                rows.append({"id": f"{partner}-{epoch}-{number}", "text": chosen})
            house.hand_in(partner, f"d{epoch}", rows)
        house.seal()
    return house


def contents(build: Path) -> dict[str, bytes]:
    """Every file of a build, its manifest but for the name of the build before."""
    files = {str(p.relative_to(build)): p.read_bytes() for p in build.rglob("*") if p.is_file()}
    del files["manifest.sha256"]
    return files | {"manifest.json": manifest_bytes(replace(read_manifest(build), parent=None))}


def asked(number: int, documents: list[bytes], **more: object) -> TakedownRequest:
    return TakedownRequest(
        request=f"T-{number}",
        asked_by="somebody",
        notice=DAY,
        reason=Why.RIGHTS_HOLDER,
        documents=tuple(one.hex() for one in documents),
        **more,
    )


def take_down(house: House, parent: str, child: str, request: TakedownRequest, **options: object) -> Carried:
    opened = open_house(house.home / parent)
    return carry_out(opened, request, house.home / child, today=DAY, at=AT, quiet=True, **options)


def holds(home: Path, seed: int, scope: Scope) -> int:
    """The law, for a few takedowns one after another; how many documents came back."""
    house = history(home, seed)
    built = house.build("build-0")
    random = Random(seed)
    returned = 0
    for number in range(2):
        kept = sorted(Built(house.home / f"build-{number}", built.manifest).kept)
        some = random.sample(kept, random.randint(1, min(3, len(kept) - 1)))
        request = asked(number, some, scope=scope)
        carried = take_down(house, f"build-{number}", f"build-{number + 1}", request)
        assert carried.direct, carried.why
        reference = house.build(f"reference-{number}", staging=home / f"staging-{number}")
        child = house.home / f"build-{number + 1}"
        assert contents(child) == contents(reference.directory)
        assert {one.hex() for one in some} <= {gone.doc_id for gone in carried.certificate.gone}
        assert not set(some) & reference.kept
        returned += len(carried.certificate.came_back)
    assert verify(child) == ()
    return returned


# 1537: one comes back before the first of a shard. 3 and 5: chains over the epochs.
@pytest.mark.parametrize("seed", [1537, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 5))])
def test_the_short_way_gives_the_bytes_of_the_build_from_nothing(tmp_path: Path, seed: int):
    assert holds(tmp_path, seed, Scope.RIGHTS)


def test_a_takedown_of_content_gives_the_bytes_of_the_build_from_nothing(tmp_path: Path):
    holds(tmp_path, 7, Scope.CONTENT)


@pytest.mark.slow
@given(seed=st.integers(0, 1 << 20), scope=st.sampled_from(Scope))
@settings(max_examples=25, deadline=None)
def test_random_histories_and_takedowns(seed: int, scope: Scope):
    with TemporaryDirectory() as home:
        holds(Path(home), seed, scope)


def test_where_passages_are_cut_the_pipeline_is_run_and_whoever_lost_text_is_looked_at_again(tmp_path: Path):
    passages = {"paragraph_documents": 1, "min_paragraph_bytes": 10}
    house = House(tmp_path)
    content = json.loads(house.recipe.read_text())
    house.recipe.write_text(json.dumps({**content, "passages": passages}))
    shared = "이 문단은 여러 글에 똑같이 실려 있는 긴 안내문입니다."
    house.hand_in("alpha", "one", [{"id": "a", "text": f"{text(1)}\n{shared}"}])
    house.hand_in("beta", "one", [{"id": "b", "text": f"{text(2)}\n{shared}"}])
    house.seal()
    built = house.build("build")
    alpha, beta = house.partners
    (row,) = [row for row in built.rows if row["doc_id"] == beta.doc_id("b")]
    carried = take_down(house, "build", "child", asked(1, [alpha.doc_id("a")]))
    assert not carried.direct
    assert "passages" in (carried.why or "")
    after = Built(tmp_path / "child", read_manifest(tmp_path / "child"))
    (again,) = [one for one in after.rows if one["doc_id"] == beta.doc_id("b")]
    assert again["tokens"] > row["tokens"]  # its paragraph is back
    reference = house.build("reference", staging=tmp_path / "other")
    assert contents(after.directory) == contents(reference.directory)


def test_content_that_was_taken_down_stays_out_when_it_is_delivered_again(tmp_path: Path):
    house = House(tmp_path)
    house.hand_in("alpha", "one", [{"id": f"a{n}", "text": text(n)} for n in range(4)])
    house.hand_in("beta", "one", [{"id": f"b{n}", "text": text(20 + n)} for n in range(3)])
    house.seal()
    house.build("build")
    alpha, beta = house.partners
    again = [{"id": "b9", "text": text(0)}, {"id": "b8", "text": near(text(0), Random(1))}]
    house.hand_in("beta", "two", [*again, {"id": "b7", "text": text(77)}])  # before: the build drops it
    take_down(house, "build", "child", asked(1, [alpha.doc_id("a0")], scope=Scope.CONTENT))
    third = [{"id": "b6", "text": text(0)}, {"id": "b5", "text": again[1]["text"]}]
    house.hand_in("beta", "three", [*third, {"id": "b4", "text": text(78)}])  # after: it is refused
    house.seal()
    later = house.build("later", base=tmp_path / "child")
    reasons = {row["doc_id"]: row["reason"] for row in later.rows}
    assert reasons[beta.doc_id("b9")] == "suppressed"
    assert reasons[beta.doc_id("b8")] == "suppressed"
    assert not {beta.doc_id("b6"), beta.doc_id("b5")} & set(reasons)
    assert {beta.doc_id(name) for name in ("b7", "b4", "b0")} <= later.kept
    (facts,) = [one for one in later.manifest.data_sets if one.partner == "beta"]
    assert facts.quarantined == {"suppressed": 2}
    assert verify(later.directory) == ()


def test_of_scope_rights_the_copy_of_another_partner_comes_back_and_the_same_key_does_not(tmp_path: Path):
    house = House(tmp_path)
    house.hand_in("alpha", "one", [{"id": f"a{n}", "text": text(n)} for n in range(3)])
    house.hand_in("beta", "one", [{"id": "b0", "text": text(0)}, {"id": "b1", "text": text(9)}])
    house.seal()
    before = house.build("build")
    alpha, beta = house.partners
    rows = TakedownRequest("T-1", "somebody", DAY, Why.PARTNER, rows=(Rows("alpha", "posts", ("a0",)),))
    carried = take_down(house, "build", "child", rows)
    after = Built(tmp_path / "child", read_manifest(tmp_path / "child"))
    assert before.kept - after.kept == {alpha.doc_id("a0")}
    assert after.kept - before.kept == {beta.doc_id("b0")}
    assert [one.doc_id for one in carried.certificate.came_back] == [beta.doc_id("b0").hex()]
    house.hand_in("alpha", "two", [{"id": "a0", "text": text(0)}, {"id": "a7", "text": text(7)}])
    house.seal()
    later = house.build("later")
    assert alpha.doc_id("a0") not in later.kept
    assert alpha.doc_id("a7") in later.kept


def test_what_was_made_of_a_document_goes_with_it_and_stays_out(tmp_path: Path):
    house = House(tmp_path, columns={"of": ("seed", "array")})
    made_of = {"a0": [], "a1": ["a0"], "a2": ["a1"], "a3": [], "a4": ["a3"]}
    rows = [{"id": one, "text": text(n), "of": of} for n, (one, of) in enumerate(made_of.items())]
    house.hand_in("alpha", "one", rows)
    house.hand_in("beta", "one", [{"id": "a1", "text": text(9), "of": []}])  # another partner's key
    house.seal()
    house.build("build")
    alpha, beta = house.partners
    request = asked(1, [alpha.doc_id("a0")])
    told = dry_run(open_house(tmp_path / "build"), request)
    assert [(one.what, one.documents) for one in told.answers] == [("documents", 1), ("made of them", 2)]
    assert [(one.partner, one.documents) for one in told.partners] == [("alpha", 3)]
    carried = take_down(house, "build", "child", request)
    assert carried.direct, carried.why
    names = {alpha.doc_id(one).hex() for one in ("a0", "a1", "a2")}
    assert {gone.doc_id for gone in carried.certificate.gone} == names
    assert [one.documents for one in carried.certificate.asked] == [1, 2]
    reference = house.build("reference", staging=tmp_path / "other")
    assert contents(tmp_path / "child") == contents(reference.directory)
    assert reference.kept == {alpha.doc_id("a3"), alpha.doc_id("a4"), beta.doc_id("a1")}
    later = [{"id": "a7", "text": text(17), "of": ["a2"]}, {"id": "a8", "text": text(18), "of": ["a7"]}]
    house.hand_in("alpha", "two", [*later, {"id": "a9", "text": text(19), "of": ["a3"]}])
    house.seal()
    after = house.build("after", base=tmp_path / "child")
    why = {row["doc_id"]: (row["reason"], row["detail"]) for row in after.rows}
    assert why[alpha.doc_id("a7")] == why[alpha.doc_id("a8")] == ("seed_withdrawn", "takedown")
    assert why[alpha.doc_id("a2")] == ("taken_back", "takedown")
    assert after.kept - reference.kept == {alpha.doc_id("a9")}
    nothing = house.build("nothing", staging=tmp_path / "third")
    assert contents(after.directory) == contents(nothing.directory)
    assert verify(after.directory) == ()


def test_untouched_files_are_the_parents_own(tmp_path: Path):
    house = history(tmp_path, 3)
    built = house.build("build")
    take_down(house, "build", "child", asked(1, [sorted(built.kept)[0]]))
    before, after = contents(tmp_path / "build"), contents(tmp_path / "child")
    child = Built(tmp_path / "child", read_manifest(tmp_path / "child"))
    fates = {
        (row["doc_id"], row["drop"], row["row"]): (row["kept"], row["duplicate_of"]) for row in built.rows
    }
    touched = set()
    for row in child.rows:
        if fates[row["doc_id"], row["drop"], row["row"]] != (row["kept"], row["duplicate_of"]):
            touched |= {path for path in after if path.endswith(".arrow") and _holds(built, child, row, path)}
    for path in (
        path for path in after if path.endswith((".arrow", ".json")) and path.startswith("segments")
    ):
        same_file = (tmp_path / "build" / path).samefile(tmp_path / "child" / path)
        if path.endswith(".arrow"):
            assert same_file == (before[path] == after[path]) == (path not in touched)


def _holds(before: Built, after: Built, row: dict, path: str) -> bool:
    """Whether a document's row of the ledger says, before or after, that it lies in a shard."""
    key = ("doc_id", "drop", "row")
    names = [
        one["shard"]
        for b in (before, after)
        for one in b.rows
        if [one[k] for k in key] == [row[k] for k in key]
    ]
    return any(shard.path == path and shard.name in names for shard in after.manifest.shards)


def test_by_the_command_line_with_its_certificate_and_its_clock(tmp_path: Path):
    house = history(tmp_path, 5)
    built = house.build("build")
    gone = sorted(built.kept)[1].hex()
    request = tmp_path / "request.yaml"
    request.write_text(
        f'request: 2026-017\nasked_by: desk\nnotice: "{DAY}"\nreason: data_subject\ndocuments: [{gone}]\n'
    )
    log = tmp_path / "registry" / "events"
    events = len(list(log.iterdir()))
    dry = malmoi("takedown", tmp_path / "build", request, "--dry-run", "--json")
    assert dry.returncode == 0, dry.stderr.decode()
    told = json.loads(dry.stdout)
    assert (told["builds"][0]["kept"], len(list(log.iterdir()))) == (1, events)
    late = malmoi("takedown", tmp_path / "build", request, "--later")
    assert late.returncode == 0, late.stderr.decode()
    status = ("takedown", "--status", "--registry", tmp_path / "registry", "--json", "--today")
    (row,) = json.loads(malmoi(*status, DAY).stdout)
    assert (row["state"], row["days left"]) == ("open", 30)
    assert malmoi(*status, "2027-06-01").returncode == 1
    done = malmoi("takedown", tmp_path / "build", request, "-o", tmp_path / "child", "--today", DAY, "--json")
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    assert said["direct"]
    assert [one["doc_id"] for one in said["gone"]] == [gone]
    assert len(said["came_back"]) == len(told["come_back"])
    reference = house.build("reference", staging=tmp_path / "other")
    assert contents(tmp_path / "child") == contents(reference.directory)
    piped = malmoi("takedown", tmp_path / "build", request, "-o", tmp_path / "piped", "--pipeline")
    assert piped.returncode == 0, piped.stderr.decode()
    assert contents(tmp_path / "piped") == contents(tmp_path / "child")
    (row,) = json.loads(malmoi(*status, DAY).stdout)
    assert (row["state"], row["builds"]) == ("done", 2)  # two directories, two certificates
    certificate = tmp_path / "child.certificate" / "certificate.json"
    assert malmoi("verify", tmp_path / "child", "--certificate", certificate).returncode == 0
    (left, *_) = json.loads(certificate.read_text())["gone"]
    (tmp_path / "proof.json").write_text(left["proof"])
    root = read_manifest(tmp_path / "child").root
    assert malmoi("verify", "--proof", tmp_path / "proof.json", "--root", root).returncode == 0
    assert json.loads(left["proof"])["says"] != "kept"
    wrong = malmoi("verify", tmp_path / "build", "--certificate", certificate)
    assert wrong.returncode == 1
    assert f"holds {gone}" in wrong.stdout.decode()
    page = certificate.with_suffix(".html").read_text()
    assert "삭제 확인서" in page
    assert gone in page


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(("rewrite", "write_ledger"), marks=SLOW),
        pytest.param(("rewrite", "render_report"), marks=SLOW),
        ("rewrite", "publish"),
        pytest.param(("carry_out", "compare"), marks=SLOW),
    ],
)
def test_a_takedown_killed_anywhere_leaves_no_half_build_and_goes_on(tmp_path: Path, where: tuple[str, str]):
    house = history(tmp_path, 3)
    built = house.build("build")
    gone = sorted(built.kept)[0].hex()
    request = tmp_path / "request.yaml"
    request.write_text(f'request: K\nasked_by: desk\nnotice: "{DAY}"\nreason: partner\ndocuments: [{gone}]\n')
    words = ["takedown", tmp_path / "build", request, "-o", tmp_path / "child", "--today", DAY]
    module, name = where
    code = (
        f"import os, signal; import pipelines.takedown.{module} as m\n"
        f"m.{name} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"import sys; sys.argv = ['malmoi', *{[str(word) for word in words]!r}]\n"
        "from pipelines.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=200, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert (tmp_path / "child" / "manifest.json").is_file() == (name == "compare")
    done = malmoi(*words)
    assert done.returncode == 0, done.stderr.decode()
    assert not list(tmp_path.glob(".child.*"))
    reference = house.build("reference", staging=tmp_path / "other")
    assert contents(tmp_path / "child") == contents(reference.directory)
    assert verify(tmp_path / "child") == ()


@pytest.mark.slow
def test_expired_contracts_leave_with_all_their_documents(tmp_path: Path):
    house = House(tmp_path)
    beta = house.partners[1]
    house.partners[1] = type(beta)("beta", rights={"malmoi.expires": "2027-01-31"})
    write_home(tmp_path, house.partners)
    house.hand_in("alpha", "one", [{"id": f"a{n}", "text": text(n)} for n in range(3)])
    house.hand_in("beta", "one", [{"id": f"b{n}", "text": text(20 + n)} for n in range(3)])
    house.seal()
    built = house.build("build")
    done = malmoi(
        "takedown", tmp_path / "build", "--expired", "--on", "2027-02-01", "-o", tmp_path / "child", "--json"
    )
    assert done.returncode == 0, done.stderr.decode()
    gone = {one["doc_id"] for one in json.loads(done.stdout)["gone"]}
    assert gone == {beta.doc_id(f"b{n}").hex() for n in range(3)}
    reference = house.build("reference", date="2027-02-01", staging=tmp_path / "other")
    assert contents(tmp_path / "child") == contents(reference.directory)
    assert built.kept - reference.kept == {bytes.fromhex(one) for one in gone}


def test_without_a_registry_the_list_travels_with_the_base(tmp_path: Path):
    partner = Partner("alpha", rows=[{"id": f"a{n}", "text": text(n)} for n in range(4)])
    recipe = write_home(tmp_path, [partner])
    built = build(tmp_path, recipe, "build")
    gone = sorted(built.kept)[:1]
    opened = open_house(tmp_path / "build")
    with pytest.raises(UsageError, match="registry"):
        carry_out(opened, asked(1, gone, scope=Scope.CONTENT), tmp_path / "no", today=DAY, at=AT)
    assert not (tmp_path / "no").exists()
    carried = carry_out(opened, asked(1, gone), tmp_path / "child", today=DAY, at=AT, quiet=True)
    assert carried.direct
    based = build(tmp_path, recipe, "based", base=tmp_path / "child", staging=tmp_path / "other")
    assert contents(based.directory) == contents(tmp_path / "child")
    second = sorted(built.kept)[1:2]
    again = carry_out(
        open_house(tmp_path / "child"), asked(2, second), tmp_path / "child-2", today=DAY, at=AT, quiet=True
    )
    assert again.direct
    kept = Built(tmp_path / "child-2", read_manifest(tmp_path / "child-2")).kept
    assert kept == built.kept - set(gone) - set(second)
