from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from unicodedata import category
from unicodedata import name as unicode_name

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import LanguageFilter
from fasttext.FastText import _FastText
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.stages import lid_model
from pipelines.stages.language import count_scripts, language
from schemas.documents import STAGED, Outcome
from schemas.errors import BuildInconsistent
from schemas.recipe import LanguageSettings
from tests.stages import batch_of, data_set_of

KOREAN = (
    "아침마다 일곱 시에 기차가 역을 떠난다. 비가 오는 날에는 조금 늦는다. "
    "그래도 사람들은 기다린다. 다음 역은 멀다. "
)
ENGLISH = "The train leaves the station at seven every morning, and on rainy days it is a little late. "
FOREIGN = {
    "fr": "Le train quitte la gare à sept heures tous les matins, et il a du retard quand il pleut. ",
    "de": "Der Zug fährt jeden Morgen um sieben Uhr vom Bahnhof ab, und bei Regen kommt er später. ",
    "ru": "Поезд каждое утро отправляется с вокзала в семь часов, а в дождь немного опаздывает. ",
    "th": "รถไฟออกจากสถานีเวลาเจ็ดโมงเช้าทุกวันและจะล่าช้าเล็กน้อยในวันที่ฝนตก ",
    "vi": "Mỗi sáng tàu rời ga lúc bảy giờ, và những ngày mưa thì tàu đến muộn một chút. ",
    "ar": "يغادر القطار المحطة في الساعة السابعة كل صباح ويتأخر قليلا في الأيام الممطرة. ",
}
WANTED = {
    "ko": KOREAN,
    "en": ENGLISH,
    "zh": "火车每天早上七点离开车站，下雨天会晚一点。下一站很远，但是人们还是在等。"
    "车站旁边有一家书店，老板喜欢下棋。",
    "ja": "列車は毎朝七時に駅を出発します。雨の日は少し遅れますが、みんな静かに待っています。"
    "次の駅は遠いです。",
    "es": "El tren sale de la estación a las siete de la mañana y los días de lluvia llega un poco tarde. ",
}


def told(
    texts: list[str],
    *,
    kind: str = "web",
    declared: tuple[str, ...] = ("ko",),
    rows: list[str | None] | None = None,
    **options: object,
) -> Outcome:
    data_set = data_set_of(kind, languages=declared)
    outcome = language(batch_of(texts, rows), LanguageSettings(**options), data_set)
    assert len(outcome.kept) + len(outcome.dropped) == len(texts)
    return outcome


def verdict(text: str, **options: object) -> str:
    """The language of one kept text, or the reason and language of a dropped one."""
    outcome = told([text], **options)
    if len(outcome.kept):
        return outcome.kept["language"][0].as_py()
    return f"{outcome.dropped['reason'][0].as_py()} {outcome.dropped['language'][0].as_py()}"


@pytest.mark.parametrize("name", WANTED)
@pytest.mark.parametrize("kind", ["web", "short_post", "parallel"])
def test_wanted_languages_are_kept_under_their_name_whatever_is_declared(name, kind):
    assert verdict(WANTED[name] * 3, kind=kind) == name
    assert verdict(WANTED[name], kind=kind, declared=("ko", "en")) == name


@pytest.mark.parametrize("name", FOREIGN)
def test_other_languages_are_dropped_with_name_and_score(name):
    outcome = told([FOREIGN[name] * 2])
    assert outcome.dropped["stage"].to_pylist() == ["language"]
    assert outcome.dropped["reason"].to_pylist() == ["language_not_wanted"]
    assert outcome.dropped["language"].to_pylist() == [name]
    found, score = outcome.dropped["detail"][0].as_py().split()
    assert found == name
    assert float(score) > 0.9


def test_only_what_the_recipe_asks_for_is_kept():
    assert verdict(KOREAN, wanted=("en",)) == "language_not_wanted ko"
    assert verdict(ENGLISH, wanted=("ko",)) == "language_not_wanted en"
    assert verdict(FOREIGN["ru"], wanted=("ko", "ru")) == "ru"


@pytest.mark.parametrize(
    ("text", "declared", "expected"),
    [
        # Two syllables among fourteen letters, where Korean is declared.
        ("갓겜 GG well played", ("ko",), "ko"),
        ("ㅋㅋㅋㅋ", ("ko", "en"), "ko"),
        ("ㅠㅠ 감동", ("en",), "ko"),
        ("GOOD!!", ("ko",), "en"),
        ("Life changes us~", ("ko",), "en"),  # lid.176 says ja
        ("gg", ("en", "ko"), "en"),
        ("it sucks", ("ko",), "en"),  # lid.176's first guess is es, 0.3
        ("mis primos llegan tarde", ("ko",), "es"),  # 0.9
        ("que risa jaja", ("es", "ko"), "es"),
        ("すごい", ("ko",), "ja"),
        ("很好看", ("ko",), "zh"),
        ("最高", ("ko",), "ko"),  # two letters: hanja in a Korean post
        ("最高", ("ja", "ko"), "ja"),
        ("10/10 ^^", ("ko",), "ko"),
        ("¯\\_(ツ)_/¯", ("ko",), "ko"),
        ("(´･ω･`)", ("ko",), "ko"),
        ("", ("ko",), "ko"),
        ("10/10 ^^", ("ko", "en"), "language_unsure en"),
        ("Das war ein sehr guter Film", ("ko", "en"), "language_not_wanted de"),
        ("Très bon film, je recommande !", ("ko", "en"), "language_not_wanted fr"),
        ("Bonjour, ça va bien ?", ("en",), "language_not_wanted fr"),
        ("Отличный фильм", ("ko",), "language_not_wanted ru"),
        ("สวัสดีครับ", ("ko", "en"), "language_not_wanted th"),
        ("مرحبا بالجميع", ("ko",), "language_not_wanted ar"),
    ],
)
def test_short_texts_are_told_by_script_and_declaration(text, declared, expected):
    assert verdict(text, kind="short_post", declared=declared) == expected


def test_the_row_declares_before_the_data_set_does():
    outcome = told(["10/10", "10/10"], declared=("ko", "en"), rows=["en-US", "ko"])
    assert outcome.kept["language"].to_pylist() == ["en", "ko"]


def test_korean_around_code_and_identifiers_is_korean():
    code = "def load(path):\n    frame = read_table(path, columns=None)\n    return frame.to_pandas()\n"
    text = f"# 표 읽기\n\n표를 읽어서 돌려주는 함수입니다.\n\n```python\n{code * 30}```\n"
    share = count_scripts(pa.array([text]))[0]
    assert share[0] / share.sum() < 0.02
    assert verdict(text) == "ko"
    assert verdict(f"{text[:40]}\n{code * 5}") == "ko"


def test_a_page_half_translated_is_kept_though_neither_half_is_sure():
    text = "값을 돌려줍니다. " * 2 + "Choose the value that follows the index in the list of arguments. " * 2
    assert verdict(text) in {"ko", "en"}


def test_half_the_score_suffices_for_what_is_declared():
    text = "Summary Overview Quick Start Download Install Support Settings Console Logging Offline Maps"
    assert 0.65 / 2 < dict(lid_model.predict(text, 5))["en"] < 0.65
    assert verdict(text, declared=("en",)) == "en"
    assert verdict(text, declared=("ko",)).startswith("language_unsure")


def test_han_alone_is_japanese_only_where_japanese_alone_is_declared():
    assert verdict("東京都千代田区永田町一丁目", declared=("ja",)) == "ja"
    assert verdict("東京都千代田区永田町一丁目", declared=("ja", "zh")) == "zh"


def test_code_is_never_asked_for_its_language():
    outcome = told(["x = 1", FOREIGN["ru"], ""], kind="code", declared=("code",))
    assert outcome.kept["language"].to_pylist() == ["code"] * 3
    assert outcome.kept["language_score"].to_pylist() == [1.0] * 3


def test_parallel_texts_are_of_their_majority_and_never_unsure():
    assert verdict(KOREAN + "\n" + ENGLISH, kind="parallel", declared=("ko", "en")) == "ko"
    assert verdict(ENGLISH * 6 + "기차", kind="parallel", declared=("ko", "en")) == "en"
    identifiers = "CByte Function\n\nCbyte( expression As Variant) As Byte\n\nByte\n\nValue: MyByte"
    assert verdict(identifiers, declared=("ko", "en")).startswith("language_unsure")
    assert verdict(identifiers, kind="parallel", declared=("ko", "en")) == "en"
    assert verdict(WANTED["es"] + ENGLISH, kind="parallel", declared=("es", "en")) in {"es", "en"}


def test_the_columns_are_those_of_the_staged_schema_and_scores_are_rounded():
    outcome = told([KOREAN, ENGLISH])
    for name in ("language", "language_score"):
        assert outcome.kept.schema.field(name).type == STAGED.field(name).type
    assert all(
        abs(score * 1000 - round(score * 1000)) < 1e-3 for score in outcome.kept["language_score"].to_pylist()
    )
    assert told([]).kept.schema.field("language_score").type == pa.float32()


def test_a_document_is_told_alike_in_any_batch():
    texts = [*WANTED.values(), *FOREIGN.values(), "ㅋㅋ", "10/10", "GG"]
    batch = batch_of(texts)
    data_set = data_set_of(languages=("ko",))
    whole = language(batch.slice(2), LanguageSettings(), data_set)
    alone = [language(batch.slice(row, 1), LanguageSettings(), data_set) for row in range(2, len(texts))]
    assert whole.kept == pa.concat_batches([one.kept for one in alone if len(one.kept)])
    assert whole.dropped == pa.concat_batches([one.dropped for one in alone if len(one.dropped)])


def script_of(character: str) -> int | None:
    """A second way to the script: the character's own name in the Unicode database."""
    name = unicode_name(character, "")
    if category(character)[0] != "L" or "FILLER" in name or 0x2B0 <= ord(character) <= 0x2FF:
        return None
    for script, words in enumerate(
        (("HANGUL",), ("HIRAGANA", "KATAKANA"), ("CJK", "IDEOGRAPHIC"), ("LATIN",))
    ):
        if any(word in name for word in words):
            return script
    return 4


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(st.sampled_from("가ㅋㅠ\u1112あアｱー漢々𠀀aÉßỳＺяกßωك1 .\n😀\u3164ˊ𝐱")), max_size=6))
def test_letters_are_counted_by_script(texts):
    counts = count_scripts(pa.array(texts, pa.string()))
    for text, row in zip(texts, counts.tolist(), strict=True):
        scripts = Counter(script_of(c) for c in text if c not in "𝐱")
        assert row == [scripts[script] for script in range(5)]


def test_another_model_file_is_refused(tmp_path: Path):
    other = tmp_path / "lid.176.ftz"
    with pytest.raises(BuildInconsistent, match="missing"):
        lid_model.checked(other)
    other.write_bytes(lid_model.checked_model_file().read_bytes()[:-1])
    with pytest.raises(BuildInconsistent, match="has digest"):
        lid_model.checked(other)
    assert lid_model.model_digest() == "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"


def handed_texts(handed: Path) -> dict[str, list[str]]:
    table = ipc.open_file(handed / "snu_kaist/dl_textbook.arrow").read_all()
    manuals = pq.read_table(handed / "fortytwodot/manuals_1.parquet", columns=["body_md"])["body_md"]
    guide = (handed / "fortytwodot/vehicle_guide.jsonl").read_text("utf-8").splitlines()
    return {
        "manuals": manuals.to_pylist()[::20],
        "guide": [json.loads(line)["markdown"] for line in guide[::2]],
        "textbook": table["content"].to_pylist()[::3],
    }


def test_it_keeps_what_datatroves_filter_keeps_and_names_it_alike(handed):
    theirs = LanguageFilter(list(LanguageSettings().wanted))
    theirs.model._model = _FastText(str(lid_model.checked_model_file()))  # it would fetch the model otherwise
    alike = kept_by_theirs = 0
    for handed_in in handed_texts(handed).values():
        texts = [text for text in handed_in if count_scripts(pa.array([text]))[0].sum() >= 200]
        kept = told(texts, kind="document", declared=("ko", "en", "zh")).kept
        ours = dict(zip(kept["row"].to_pylist(), kept["language"].to_pylist(), strict=True))
        for row, text in enumerate(texts):
            document = Document(text=text, id=str(row))
            if theirs.filter(document):
                kept_by_theirs += 1
                alike += ours.get(row) == document.metadata["language"]
    assert kept_by_theirs > 300
    assert alike / kept_by_theirs >= 0.99


def test_tutorials_full_of_code_are_named_as_declared(handed):
    table = ipc.open_file(handed / "snu_kaist/ml_tutorials.arrow").read_all().to_pylist()[::4]
    rows = [row for row in table if row["lang_declared"] != "en"]
    declared = [row["lang_declared"].partition("-")[0] for row in rows]
    # Declared by nobody here: what is measured is what the text alone says.
    kept = told([row["content"] for row in rows], kind="document", declared=()).kept
    named = dict(zip(kept["row"].to_pylist(), kept["language"].to_pylist(), strict=True))
    right = sum(named.get(row) == name for row, name in enumerate(declared))
    assert len(rows) > 200
    assert right / len(rows) > 0.97


def test_of_the_handed_reviews_nearly_none_is_dropped(handed):
    with gzip.open(handed / "krafton/reviews_1.csv.gz") as file:
        options = pc_csv.ParseOptions(newlines_in_values=True)
        reviews = pc_csv.read_csv(file, parse_options=options)["content"].to_pylist()
    outcome = told([review or "" for review in reviews], kind="short_post")
    names = Counter(outcome.kept["language"].to_pylist())
    assert len(reviews) > 100_000
    assert len(outcome.dropped) < 20
    assert names["ko"] / len(reviews) > 0.99
    assert names["en"] > 500
