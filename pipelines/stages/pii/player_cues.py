# ruff: noqa: SIM905 (lists of words)
"""Words beside names of players, by what they say: games, calls, play, reports, groups, names, ranks.

A word counts where a run of letters begins with it (of one syllable: is it). `TRIGGERS`: the kinds that a
line must hold one of to be looked at; the others are told apart by the scorer alone.
"""

from __future__ import annotations

from functools import cache

from pipelines.stages.pii.handle_words import GAME_WORDS

GAME, CALL, PLAY, REPORT, GROUP, NAME, RANK, ROLE, PEOPLE, MESSENGER, EVENT, TALK = range(1, 13)
TRIGGERS = frozenset({GAME, CALL, PLAY, REPORT, GROUP, NAME, RANK, ROLE, EVENT})
_COMMON = frozenset(  # of those kinds, but everyday words: no triggers
    (
        "바람 이리 스위치 와우 에픽 스팀 철권 러스트 거상 킹덤 붕괴 명조 클로 넥슨 wow steam 로한 "
        "프리스타일 서버 섭 템 접속 빌드 내전 결투 맞추 report gg uid nickname 졌 죽었 대리 우편 "
        "쿠폰 보상 입장 퇴장 획득 강화 참가 합류 당첨 왕국 연맹 영주 점수 골드 실버 마스터 아이언 "
        "플레 lv 우승 결승 명예 1위 2위 3위 1등 2등 탑 봇 힐 딜 유틸 오더 미드 friend party player "
        "사기 정지 버스 전적 세팅 공략 추방 디엠 플레이어 마비 카트 마크 함장 파장 데스 갱 지휘관 "
        "군주 추가 신청 초대 연락 모집 급구 구인 제보 비인가 욕설 달성 출석 출첵 사전예약 시즌 방장 수라 "
        "화이트리스트 합방"
    ).split()
)
# Words that stand within others (업그레이드, 컨트롤, 파티션): triggers behind a blank or where a line begins.
_APART = frozenset(
    (
        "레이드 트롤 트롤러 파티 캐릭 캐릭터 캐릭명 캐릭터명 마카 스배 크아 레식 로아 tft ign psn "
        "mvp lol duo clan dota mlbb fifa pubg"
    ).split()
)


_WORDS: dict[int, str] = {
    GAME: "롤체 칼바람 협곡 솔랭 자랭 랭겜 인겜 겜방 스타2 스타1 유희왕 하스 히오스 에오엔 라제 붕스 "
    "카배 스배 모배 카트 "
    "카트라이더 겟앰 겟앰프드 메랜 롤토체스 클래시오브클랜 마비 마영전 테라 블레이드앤소울 뮤오리진 "
    "뮤온라인 트리오브세이비어 "
    "ranked league valorant roblox minecraft fortnite",
    CALL: "추가 신청 초대 연락 모집 급구 구인 친추 친구추가 친구요청 친구신청 친코 귓 귓말 귓속말 귓주 "
    "파초 길초 파티초대 길드초대 듀오 "
    "디코 디엠 친창 맞추 "
    "친구코드 추천인 시참 합방 방장 화리 화이트리스트 friend invite whisper フレンド 加好友",
    PLAY: "정복전 공성전 투기장 월드보스 보스전 수라 캐리 하드캐리 버스 쩔 쩔비 레이드 파밍 트라이 "
    "클리어 발렸 발림 털렸 털림 졌 죽었 킬 데스 어시 "
    "갱 닷지 탈주 던짐 던졌 "
    "딜량 힐량 부캐 본캐 뉴비 고인물 캐삭 닉변 접속 템 세팅 공략 빌드 스크림 내전 결투 랭커 전적 저격 "
    "승급 강등 만렙 렙업 "
    "carry carried duo gg ggwp lfg",
    REPORT: "제보 비인가 욕설 신고 핵 핵쟁이 핵유저 에임핵 월핵 트롤 트롤러 비매너 어뷰징 어뷰 매크로 "
    "작업장 먹튀 사기 "
    "사기꾼 패드립 도배 밴 정지 "
    "영정 영구정지 제재 차단 강퇴 추방 박제 닌자 대리 report hacker aimbot cheater",
    GROUP: "길드 길드장 길드원 길드전 길마 부길마 부길드장 길원 클랜 클랜원 클랜장 클랜전 혈맹 혈원 군주 "
    "문파 연맹 공대 공대장 "
    "공대원 공격대 파티 파티원 파티장 파장 1파티 2파티 서버 섭 원정대 모험단 왕국 길드명 guild clan party",
    NAME: "닉변 뉴닉 게임닉 겜닉 닉 닉네임 닉넴 닉은 닉이 캐릭 캐릭터 캐릭명 캐릭터명 본계 부계 소환사 "
    "소환사명 구단주 "
    "구단주명 감독명 가문명 배틀태그 "
    "라이엇 유저명 유저 플레이어 게이머태그 모험가 트레이너 영주 지휘관 함장 ign gamertag nickname riot "
    "uid psn",
    RANK: "랭킹 레벨 렙 lv 점수 티어 챌 챌린저 그마 마스터 다이아 다야 에메 플레 플래 골드 실버 브론즈 "
    "아이언 전투력 투력 명예 mvp "
    "1위 2위 3위 1등 2등 우승 결승",
    ROLE: "탱 탱커 딜러 힐러 서폿 서포터 정글 정글러 미드 원딜 탑 탑솔 바텀 봇 힐 딜 오더 메인딜 서브딜 유틸",
    PEOPLE: "님 형 형님 누나 언니 오빠 사람 분 놈 새끼 친구 이분 이사람 저분 걔 얘",
    MESSENGER: "카톡 카카오톡 카톡아이디 텔레 텔레그램 라인 인스타 인스타그램 위챗 스냅챗 틱톡 트위터 "
    "네이버 이메일 메일 페북",
    EVENT: "달성 출석 출첵 사전예약 시즌 입장 퇴장 처치 획득 강화 합류 탈퇴 참가 joined killed slain "
    "kicked 우편 쪽지 우편함 당첨 "
    "당첨자 쿠폰 보상",
    TALK: "채팅 매칭 구독 후원 검색 방송 스트리머 게임 겜 아이디 아디 계정 같이 구함 구해요 구합니다 "
    "하실 할 해주 주세요 부탁 환영 문의 연락 덕분에 덕에 감사 고마 축하 "
    "아까 어제 오늘 방금 저번",
}


@cache
def cues() -> dict[str, int]:
    """Every word with its kind; of a word of two kinds the first."""
    found: dict[str, int] = {}
    for word in GAME_WORDS:
        if " " not in word:
            found[word] = GAME
    for kind, words in _WORDS.items():
        for word in words.split():
            found.setdefault(word, kind)
    return found


def is_trigger(word: str, kind: int) -> bool:
    """Whether a line with the word is looked at."""
    return kind in TRIGGERS and word not in _COMMON


def stands_apart(word: str) -> bool:
    """Whether the word is a trigger only behind a blank, or where a line begins."""
    return len(word) == 1 or word in _APART


def gate_words() -> tuple[str, ...]:
    """The triggers as the gate reads them: a blank stands for a line's begin too, 0 for any digit."""
    digits = str.maketrans("123456789", "000000000")
    return tuple(
        dict.fromkeys(
            (" " if stands_apart(word) else "") + word.translate(digits)
            for word, kind in cues().items()
            if is_trigger(word, kind)
        )
    )


PARTICLES = (  # behind a name, with what it stands behind: C a consonant, V a vowel, - either
    "이C 가V 은C 는V 을C 를V 와V 과C 랑V 이랑C 로V 으로- 의- 도- 만- 님- 님이- 님은- 님을- 님의- 님도- "
    "님께- 님께서- 님한테- "
    "님에게- 님이랑- 님하고- 님아- 님과- 한테- 한테서- 에게- 에게서- 에서- 하고- 까지- 부터- 보다- 처럼- "
    "께- 께서- 아C 야V "
    "이야C 요V 이요C 이에요C 예요V 이예요C 에요V 입니다- 임- 인데- 인데요- 이고C 고V 이고요C 고요V 이며C "
    "며V 이라는C "
    "라는V 이라고C 라고V 인- 였는데V 이었는데C 이었음C 였음V 이었다C 였다V 씨- 형- 누나- 언니- 오빠- "
    "이네C 네V 이죠C 죠V "
    "인가요- 인가- 이지C 지V 이랑은C 랑은V 으로는- 로는V 로만V 으로만- 으로도- 로도V 이네요C 네요V 이임C "
    "니까V 이니까C 라서V "
    "이라서C 들- 때문에- 같은- 같이- 님꺼- 꺼- 네집-"
).split()
