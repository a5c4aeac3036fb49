"""Time and memory follow the length of a text, whatever is in it."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from pipelines.stages.pii.find import find_pii
from pipelines.stages.pii.gate import ENTITIES
from schemas.recipe import PiiSettings
from tests.stages.pii.examples import CHAT, documents

WITHOUT_PERSONS = PiiSettings(entities=tuple(sorted(ENTITIES - {"PERSON"})), max_share=1.0)
DENSE = {
    "telephones": "010-0123-4567 ",
    "telephones by line": "010-0123-4567\n",
    "digits": "0123456789",
    "zeros far apart": "0 1" + " " * 50,
    "addresses": "서울특별시 마포구 말모이로 123, 101동 1502호 ",
    "cues": "카카오톡 아이디 비밀번호 생년월일 계정 닉네임 ",
    "full width": "０１０－０１２３－４５６７　",
    "at signs": "a@",
    "no space": "가나다라마바사아자차카타파하",
    "decomposed": "\u1112\u1161\u11ab",
    "direction marks": "\u202e010-0123-4567\u202c",
}
LEAST, TIMES = 40_000, 8  # characters of the shorter text; how much longer the other is


def seconds(text: str) -> float:
    batch = documents([text])
    begun = time.process_time()
    find_pii(batch, WITHOUT_PERSONS, CHAT)
    return time.process_time() - begun


@pytest.mark.parametrize("name", sorted(DENSE))
def test_time_follows_length(name):
    piece = DENSE[name]
    seconds(piece * 10)
    short = min(seconds(piece * (LEAST // len(piece))) for _ in range(3))
    long = min(seconds(piece * (TIMES * LEAST // len(piece))) for _ in range(2))
    assert long < 2.5 * TIMES * short + 0.05


MEASURED = """
import sys
from pipelines.stages.pii.find import find_pii
from tests.stages.pii.test_linear import WITHOUT_PERSONS
from tests.stages.pii.examples import CHAT, documents

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

find_pii(documents([sys.argv[1]]), WITHOUT_PERSONS, CHAT)
batch = documents([sys.argv[1] * (int(sys.argv[2]) // len(sys.argv[1]))])
before = peak()
find_pii(batch, WITHOUT_PERSONS, CHAT)
print(peak() - before)
"""


@pytest.mark.parametrize("name", ["telephones", "telephones by line"])
def test_memory_of_a_text_of_telephones_is_bounded_by_a_few_times_its_size(name):
    megabytes = 8
    run = [sys.executable, "-c", MEASURED, DENSE[name], str(megabytes << 20)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=300, check=True)
    # A span of 14 characters is 16 bytes and its label's 16; the text itself is held a few times over.
    assert float(done.stdout) < 10 * megabytes
