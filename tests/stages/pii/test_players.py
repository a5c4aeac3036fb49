"""Names of players that no word says are names: what stands beside them does."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.stages.pii.gate import DETECTORS, first_look, found_rows
from pipelines.stages.pii.players import PLAYER
from tests.stages.pii.examples import found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("어제 초코라떼99 님이 캐리함", "초코라떼99"),
        ("졸린판다랑 듀오 돌렸는데 연패", "졸린판다"),
        ("길드원 늦잠대장77 추방했음", "늦잠대장77"),
        ("로아 카단 귀찮은도토리 귓 주세요", "귀찮은도토리"),
    ],
)
def test_a_player_is_found_without_a_word_for_the_name(text, name):
    assert ("GAME_ID", name) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "야스오가 캐리함",
        "친구랑 듀오 돌리는 중",
        "길드 이름 추천 받아요",
        "우리팀 정글 트롤 신고",
        "제17조제2항제3호에 따른 신고를 하지 아니한 자",
        "카톡으로 레이드 일정 보낼게",
    ],
)
def test_talk_of_games_names_nobody(text):
    assert found(text) == []


def test_the_first_weighing_leaves_lines_that_hold_a_player():
    texts = pa.array(
        [
            "어제 초코라떼99 님이 캐리함\n길드 이름 추천 받아요",
            "길드전 8시 시작",
            "몽글몽글토끼99님 파티 초대 좀",
        ]
    )
    bit = 1 << DETECTORS.index(PLAYER)
    lines, folds = first_look().lines(texts)
    weighed = PLAYER.second_look(texts, lines.copy(), folds, bit)
    assert (lines[:, 3] & bit != 0).sum() == 4
    kept = weighed[weighed[:, 3] & bit != 0]
    assert kept[:, :2].tolist() == [[0, 0], [2, 0]]


def test_the_first_weighing_reads_characters_beyond_the_first_plane():
    text = "로아 카단 😀 귀찮은도토리 귓 주세요"
    assert [text[f.start : f.end] for _, row in found_rows(pa.array([text]), 0.5) for f in row] == [
        "귀찮은도토리"
    ]
