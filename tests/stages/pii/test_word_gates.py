"""The gate's first look for classes that hang on words: every word is tried with a value of few letters."""

from __future__ import annotations

import pytest

from pipelines.stages.pii.find import explain_pii, find_pii
from pipelines.stages.pii.gate import ENTITIES
from schemas.recipe import PiiSettings
from tests.stages.pii.examples import CHAT, documents

EVERYTHING = PiiSettings(entities=tuple(sorted(ENTITIES)), min_score=0.0, max_share=1.0)
SERVICES = (
    *(
        "카톡",
        "카카오톡",
        "톡아이디",
        "ㅋㅌ",
        "텔레",
        "텔그",
        "텔레그램",
        "위챗",
        "微信号",
        "디스코드",
        "디코",
    ),
    *(
        "스카이프",
        "인스타",
        "인별",
        "트위터",
        "트윗",
        "스냅챗",
        "왓츠앱",
        "바이버",
        "시그널",
        "틱톡",
        "스레드",
    ),
    *(
        "페메",
        "블루스카이",
        "마스토돈",
        "微博",
        "抖音",
        "QQ号",
        "インスタ",
        "カカオ",
        "テレグラム",
        "ツイッター",
    ),
    *("라인:", "줌:", "당근:", "밴드:", "ライン:", "아이디"),
)
SECRETS = (
    *(
        "비밀번호",
        "비밀 번호",
        "비번",
        "암호",
        "핀번호",
        "핀 번호",
        "PIN번호",
        "보안코드",
        "보안 코드",
        "패스워드",
    ),
    *("密码", "パスワード", "PW:", "pwd=", "senha:"),
)
KEYS = ("앱키", "앱 키", "API 키", "인증 토큰", "시크릿", "시크릿 키", "구글 키", "카카오 키", "REST API 키")
TEXTS = (
    *(f"{service} a1_b2" for service in SERVICES),
    *(f"{word} a1!2" for word in SECRETS),
    *(f"{word} a1-b2-c3-d4-e5-f6-78" for word in KEYS),
    *(
        "a1_b2로 카톡 주세요",
        "a1_b2 라인 추가해",
        "늘찬#12345",
        "늘찬#KR1",
        "라이엇 아이디 늘찬이",
        "닉: 늘찬이",
    ),
    *("롤 닉 늘찬", "생년월일 천구백구십년 삼월 십오일", "1.2.90년 3월생", "90.3.2 생", "101동 1103호"),
    *("자이 101-1502", "가로 1, 1호"),
)


@pytest.mark.parametrize("text", TEXTS)
def test_the_gate_loses_nothing_that_hangs_on_a_word(text):
    spans = find_pii(documents([text]), EVERYTHING, CHAT).kept["spans"][0].as_py()
    gated = [(span["start"], span["end"], span["label"]) for span in spans]
    assert gated == [finding[:3] for finding in explain_pii(text, EVERYTHING)]
