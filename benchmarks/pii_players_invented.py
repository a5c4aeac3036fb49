# ruff: noqa: SIM905 (lists of words)
"""Invented texts about players: frames (pii_players_texts/), filled with names that nobody bears on purpose.

Names are put together as Koreans make them: a word or two, a phrase, a sentence, a word with digits, Korean typed
on an English keyboard, English words, with and without a tag. Everything follows from a seed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipelines.stages.pii.player_cues import cues

TEXTS = Path(__file__).parent / "pii_players_texts"
FROM_SPOKEN = 0.35  # of names and of common words: of real texts' words
LOOSENED, LOOSE = (
    0.6,
    0.4,
)  # of texts, and of their words that say nothing of players: real texts' ones instead
_WORD = re.compile(r"\S+")
_HANGUL = re.compile("[가-힣]{2,}")
_CUES = tuple(word for word in cues() if len(word) > 1)

_BEFORE = (
    "졸린 배고픈 슬픈 화난 귀여운 수상한 외로운 느긋한 게으른 용감한 소심한 뚱뚱한 날씬한 차가운 뜨거운 달콤한 짭짤한 매운 새콤한 "
    "푸른 붉은 하얀 까만 노란 파란 초록 보라 은빛 금빛 검은 흰 작은 큰 늙은 어린 젖은 마른 구운 삶은 튀긴 찐 얼린 녹은 부서진 "
    "떠도는 춤추는 노래하는 잠자는 웃는 우는 날아가는 뛰는 기어가는 숨은 길잃은 돌아온 사라진 잊혀진 물먹은 밥먹는 귤먹는 집나간 "
    "술취한 퇴근한 출근한 지각한 백수된 빵굽는 낚시하는 코고는 방귀뀐 미친 착한 나쁜 행복한 우울한 고독한 위대한 평범한 특별한 "
    "전설의 어둠의 빛의 바람의 불의 얼음의 새벽의 한밤의 주말의 동네 시골 도시 바다 산골 우주 지옥 천국 옆집 앞집 윗집 아랫집"
).split()
_NOUNS = (
    "호두 감자 고구마 두부 김치 만두 라면 떡볶이 순대 튀김 어묵 붕어빵 호떡 식혜 수정과 약과 인절미 찹쌀떡 송편 떡국 미역국 된장 "
    "고추장 간장 참기름 들깨 깻잎 상추 배추 무말랭이 콩나물 숙주 시금치 당근 양파 대파 마늘 생강 파프리카 오이 가지 호박 옥수수 "
    "사과 배 귤 감 수박 참외 딸기 포도 복숭아 자두 살구 망고 레몬 라임 커피 라떼 모카 초코 바닐라 카라멜 우유 요거트 치즈 버터 "
    "식빵 소금빵 크림빵 도넛 쿠키 마카롱 푸딩 젤리 사탕 껌 아이스 빙수 판다 너구리 고양이 강아지 토끼 햄스터 다람쥐 여우 늑대 "
    "곰 사자 호랑이 표범 치타 기린 코끼리 하마 코뿔소 악어 거북이 개구리 두꺼비 뱀 도마뱀 공룡 드래곤 불사조 유니콘 참새 까치 "
    "까마귀 비둘기 오리 거위 닭 병아리 펭귄 부엉이 올빼미 독수리 고래 상어 문어 오징어 꼴뚜기 새우 게 가재 조개 굴 멍게 해삼 "
    "고등어 갈치 참치 연어 붕어 잉어 메기 미꾸라지 달팽이 나비 벌 개미 거미 잠자리 매미 반딧불 장미 튤립 민들레 해바라기 벚꽃 "
    "매화 국화 코스모스 선인장 이끼 버섯 소나무 대나무 단풍 도토리 밤톨 솔방울 구름 바람 비 눈 번개 천둥 무지개 노을 새벽 아침 "
    "점심 저녁 자정 여름 겨울 가을 봄 달 별 해 은하수 혜성 행성 우주선 로켓 기차 버스 택시 자전거 트럭 돛단배 잠수함 비행기 "
    "연필 지우개 공책 가방 우산 모자 장갑 양말 신발 안경 시계 거울 의자 책상 침대 베개 이불 커튼 창문 대문 계단 옥상 지하실 "
    "냉장고 세탁기 청소기 선풍기 에어컨 보일러 전구 촛불 등대 우체통 공중전화 라디오 텔레비전 기타 피아노 드럼 나팔 하모니카 "
    "칼잡이 궁수 법사 기사 도적 성기사 검객 무사 닌자 해적 마녀 요정 천사 악마 유령 좀비 흡혈귀 도깨비 용왕 선녀 산신령 백수 "
    "직장인 대리 부장 사장 회장 총각 아재 할매 할배 꼬마 아기 형아 누나 이모 삼촌 아빠 엄마 집사 선생 학생 박사 의사 약사 경찰 "
    "소방관 군인 장군 대통령 왕 왕자 공주 황제 백작 노예 머슴 거지 부자 도둑 탐정 요리사 농부 어부 광부 목수 화가 가수 댄서"
).split()
_AFTER = (
    "장인 러버 킬러 전문가 요정 왕 대장 맨 걸 보이 맘 아빠 이네 네집 공장 가게 상회 나라 마을 연구소 협회 조합 단장 팬클럽 "
    "지망생 유망주 마스터 천재 바보 덕후 중독 헌터 슬레이어 도령 낭자 도사 선비 짱 쓰 찡 뿅 킹 갓 신"
).split()
_SENTENCES = (
    "나만믿어 집가고싶다 엄마밥줘 오늘은쉰다 잠은죽어서자 빛보다빠름 살려주세요 때리지마 나안죽었다 일단박치기 숨참는중 딜은내가 "
    "힐은셀프 죽으면탈주 그만때려 월급주세요 퇴근시켜줘 치킨먹고싶다 배고파죽어 내일은월요일 커피가좋아 비오는날엔 눈치없음 "
    "손이안따라 뇌빼고함 맞으면아파 던지면안돼 진짜안해 마지막판임 한판만더 이번엔이김 나도몰라요 그게나야 봄이온다 겨울이싫어 "
    "달려라하니 뭐먹지 잘생겼다 착하게살자 돈많은백수 로또일등 숙제하기싫어 학원가기싫다 시험망함 방학언제와 주말만기다려 "
    "문열어줘 불끄고자 손씻고와 밥은먹었니 어디가니 왜때려 누구세요 저요저요 안녕하살법 받아라얍 가즈아 존버승리"
).split()
_SHORT = (
    "루나 하늬 초코 모모 나비 단비 보리 콩이 두부 라온 아토 다온 은하 별이 달이 코코 미르 가온 해솔 새벽 여울 노을 라떼 모카 츄츄 "
    "뀨뀨 냥냥 멍멍 삐약 꾸꾸 뽀미 몽이 솜이 구름 이슬 샛별 세모 네모 동글 뚱이 짱구 맹구 철수 리아 유하 시안 아린 세린 카인 레온 "
    "제로 나인 벨라 로제 엘사 시온 라엘 하루 유즈 미카 렌 유키 사쿠 하나 노아 루이"
).split()
_LATIN = (
    "sleepy hungry lonely angry happy crazy lucky silent frozen golden silver dark light blue red black white tiny big mad sad "
    "cool hot cold wild lazy sneaky salty sweet spicy crispy rusty dusty misty stormy rainy sunny moon star sun sky cloud rain "
    "snow wind fire ice stone iron steel sword shield arrow bow knight wizard rogue ninja samurai ghost zombie dragon wolf fox "
    "bear tiger lion cat dog duck goose panda rabbit turtle whale shark squid potato tofu kimchi mandu ramen noodle rice bread "
    "cheese coffee latte mocha cookie candy apple lemon peach mango berry king queen prince master hunter killer slayer sniper "
    "gamer player hero legend boss noob pro god gg carry feeder tank healer"
).split()
_ROMAN = (
    "gamja hodu mandu dubu kimchi ramyun bori kong nabi byeol dal haneul barada namu sol nunchi eopda joljol ppang ddeok tteok "
    "gul baedal chingu oppa noona hyung dongsaeng halmae ajae baksa wangja gongju yongsa yeowoo neoguri toki goyangi gang "
    "mongmong yaong kkul danji sarang haengbok cheonsa akma dokkaebi geomgaek jangin minsu jiho sora yuna hana doha siwoo"
).split()
_ROWS = str.maketrans("ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡ", "qwertyuiopasdfghjklzxcvbnm")
_FIRST, _MIDDLE, _LAST = (
    "r R s e E f a q Q t T d w W c z x v g".split(),
    "k o i O j p u P h hk ho hl y n nj np nl b m ml l".split(),
    ["", *"r R rt s sw sg e f fr fa fq ft fx fv fg a q qt t T d w c z x v g".split()],
)
GAMES = (
    "롤 리그오브레전드 롤체 와일드리프트 배그 배틀그라운드 모배 카배 로블록스 로블 메이플 메이플스토리 메랜 발로란트 발로 마크 마인크래프트 "
    "오버워치 옵치 던파 로스트아크 로아 피파 피온 FC온라인 FC모바일 서든 서든어택 스팀 플스 엑박 닌텐도 브롤 브롤스타즈 클로 클래시로얄 "
    "클오클 원신 포트나이트 포나 에펙 에이펙스 리니지 리니지M 리니지W 아이온 아이온2 검은사막 쿠키런 킹덤 포켓몬고 유나이트 스타레일 "
    "붕스 젠레스 명조 니케 블루아카이브 블아 명일방주 우마무스메 트릭컬 페그오 프세카 이터널리턴 카트 카트라이더 카러플 크아 테런 바람의나라 "
    "마비노기 블소 서머너즈워 세나 라그나로크 디아 디아4 와우 하스스톤 스타 스타크래프트 철권 몬헌 엘든링 동숲 모동숲 마리오카트 스플래툰 "
    "어몽어스 폴가이즈 좀비고 사이퍼즈 콜옵 레식 타르코프 러스트 팰월드 오딘 나이트크로우 거상 엘소드 프리스타일 컴프야 테트리스 애니팡 "
    "한게임맞고 라스트워 화이트아웃 슈퍼바이브 열혈강호 프리파이어 lol valorant overwatch minecraft roblox fortnite genshin 게임 겜"
).split()
_SLOTS = {
    "G": GAMES,
    "S": (
        "루페온 카단 아만 니나브 실리안 카마인 아브렐슈드 스카니아 루나 엘리시움 크로아 베라 오로라 제니스 유니온 이노시스 레드 아케인 노바 "
        "리부트 카인 디레지에 시로코 프레이 카시야스 힐더 안톤 바칼 아즈샤라 하이잘 줄진 굴단 켄라우헬 데포로쥬 질리언 이실로테 조우 류트 만돌린 "
        "하프 울프 연 무휼 유리 아시아 유럽 북미 한국 일섭 글섭 1 2 3 12 24"
    ).split(),
    "J": (
        "야스오 아리 티모 리신 제드 이즈리얼 베인 럭스 징크스 쓰레쉬 블리츠 가렌 다리우스 트린 마스터이 요네 사일러스 카이사 유미 제트 레이나 "
        "오멘 세이지 소바 트레이서 겐지 한조 메르시 라인 디바 루시우 둠피스트 전사 법사 도적 사제 성기사 흑마 드루 주술사 냥꾼 블레이드 "
        "바드 도화가 소서 기공사 버서커 건슬 워로드 홀나 데모닉 나이트로드 비숍 팔라딘 히어로 아델 카이저 메르 보마 신궁 레인저 웨펀마스터 "
        "소울브링어 크루세이더 엘마 넨마 스커 인파 베가본드 요정 기사 군주 호날두 메시 음바페 홀란드 손흥민 호두 콜트 쉘리 클레 라이덴 종려 "
        "감우 호두 나히다 푸리나 피카츄 리자몽 잠만보"
    ).split(),
    "M": (
        "솔랭 자랭 일반 칼바람 랭크 랭겜 경쟁전 빠대 스쿼드 듀오모드 개인전 길드전 클랜전 레이드 군단장 어비스 카양겔 상아탑 카멘 에키드나 베히모스 "
        "하드 노말 헬 던전 쩔 보스전 결투장 투기장 아레나 공성전 쟁 필드보스 사냥 파밍 내전 스크림 대회 예선 팀전 아이템전 스피드전 듄 시련 나락"
    ).split(),
    "B": (
        "발탄 비아키스 쿠크 아브 일리아칸 카멘 에키드나 보스 막보 자쿰 혼테일 핑크빈 시그 매그 힐라 벨룸 데미안 루시드 윌 검은마법사 세렌 칼로스 "
        "안톤 루크 시로코 오즈마 바칼 디레지에 용 바론 드래곤 전령 네임드 필보 마왕 골렘 리치킹 오닉스 라그나로스"
    ).split(),
    "K": (
        "다이아 골드 보석 루비 크리스탈 캐시 메소 아데나 마정석 강화석 파편 각인서 전설검 집행검 활 방패 갑옷 투구 반지 목걸이 귀걸이 장갑 신발 망토 "
        "펫 탈것 스킨 이모티콘 패키지 월정액 쿠폰 티켓 우표 상자 열쇠 포션 물약 주문서 스크롤 카드 선수팩 소환권 뽑기권 경험치 비약"
    ).split(),
    "R": (
        "탑 정글 미드 원딜 서폿 탱 딜 힐 탱커 딜러 힐러 서포터 메인탱 부탱 메인힐 척후대 전략가 감시자 타격대 정글러 미드라이너 원딜러 공격수 "
        "수비수 키퍼 오더 저격수 돌격수 선봉 후방"
    ).split(),
    "L": "챌린저 그마 마스터 다이아 다야 에메 에메랄드 플레 플래티넘 골드 실버 브론즈 아이언 언랭 레디 불멸 초월 플1 골2 다4 실3 세미프로 월클".split(),
    "O": (
        "달빛 새벽 낭만 여명 태양 천상 무적 친목 즐겜 하늘 바다 은하 별무리 늑대 흑룡 백호 청룡 현무 주작 불사조 최강 전설 영웅 휴식 직장인 아재 커피 "
        "라면 카페 놀이터 쉼터 동네 우리 함께"
    ).split(),
    "W": (
        "친구 동생 형 누나 언니 오빠 엄마 아빠 사람 유저 초보 뉴비 고인물 학생 직장인 이벤트 업데이트 패치 신규 복귀 무과금 과금 현질 확률 밸런스 "
        "운영 운영자 개발자 회사 고객센터 문의 오류 버그 렉 튕김 접속 로그인 회원 비밀번호 아이템 장비 무기 방어구 스킬 스킨 퀘스트 던전 보스 사냥 "
        "경험치 레벨업 랭크 시즌 대회 선수 방송 스트리머 유튜버 영상 공략 추천 질문 답변 후기 리뷰 광고 결제 환불 보상 출석 숙제 일일 주간 월간 점검 "
        "서버 채널 채팅 욕설 신고 매너 비매너 실력 운 재미 스토리 그래픽 사운드 최적화 사양 모바일 피시방 컴퓨터 노트북 핸드폰 패드 마우스 키보드 "
        "이번 다음 저번 오늘 내일 어제 아침 저녁 새벽 주말 평일 방학 우리 저희 내 제 여기 거기 어디 누가 혼자 같이 다시 계속 아직 이미 벌써 진짜 "
        "정말 너무 완전 개 존나 제발 빨리 천천히 자꾸 가끔 항상 매일 모두 전부 하나 둘 셋 많은 적은 좋은 나쁜 새로운 이상한 재밌는 어려운 쉬운 "
        "없어서 있어서 하는데 했는데 해서 하면 하지만 그래서 그런데 근데 그리고 또는 혹시 만약 왜냐면 상대 상대방 우리팀 적팀 아군 적군 팀원 팀 "
        "클랜원 길드원 혈맹원 파티원 공대원 마을 성 왕국 필드 맵 지역 월드 국내 해외 일본 중국 미국 한국 글로벌 아시아"
    ).split(),
    "H": "안녕하세요 수고하십니다 질문있어요 궁금한데 혹시 저기요 헐 아니 ㅋㅋ 와 진짜 여러분 형님들 님들 ㅎㅇ 안녕".split(),
    "T": (
        "감사합니다;같이 해요;마이크 가능;초보예요;잘 부탁드려요;빨리요;ㄱㄱ;ㅋㅋㅋ;ㅠㅠ;매너겜 해요;즐겜유저입니다;평일 저녁 접속;주말만 가능;"
        "성인만요;확인 부탁드립니다;빠른 처리 바랍니다;영상 첨부합니다;스샷 있어요;욕설 도배 심합니다;에임이 이상해요;계속 쫓아와서 죽여요;"
        "어제 밤 11시쯤;오늘 오후에요;10판째임;도와주셔서 감사했어요;기억하시죠?;잘 지내셨나요;복귀했어요;오늘 접속합니다;레이드 9시 출발;"
        "보스 나왔어요;골드 좀 주세요;힐 좀 주세요;누구 자리 있어요?;출발합니다;다들 하이;먼저 갑니다 수고;내일 봐요;졸려서 자러감;"
        "아이템 복구 좀;왜 안 돼요;튕겼어요;재밌게 하고 있어요;별점 다섯 개;업데이트 기대할게요"
    ).split(";"),
}  # fmt: skip
_SURNAMES = "김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허남심노하곽성차주우구민유나진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모"
_GIVEN = "민준서연도윤지우하은예준시우주원지호수빈현우유진은지영호성민재훈태양혜원다은소율채원가은나윤승현동현상우정훈미경영숙정숙경희순자영자광수철수영희종현병철기영상철"
_PARTICLE = re.compile(
    r"\{N\}(이랑|으로는|으로|이라는|이라고|인데요|이에요|입니다|이었|에게|한테|하고|님|형|아|랑|로|이|가|은|는|을|를|와|과|예요|라는|이고|인데)?"
)
_PAIRS = {
    "이": ("이", "가"), "가": ("이", "가"), "은": ("은", "는"), "는": ("은", "는"), "을": ("을", "를"), "를": ("을", "를"),
    "와": ("과", "와"), "과": ("과", "와"), "랑": ("이랑", "랑"), "이랑": ("이랑", "랑"), "로": ("으로", "로"), "으로": ("으로", "로"),
    "으로는": ("으로는", "로는"), "이라는": ("이라는", "라는"), "라는": ("이라는", "라는"), "이라고": ("이라고", "라고"),
    "이에요": ("이에요", "예요"), "예요": ("이에요", "예요"), "이고": ("이고", "고"), "아": ("아", "야"),
}  # fmt: skip


class Invented(NamedTuple):
    """A text, and where its players' names stand."""

    text: str
    names: tuple[tuple[int, int], ...]


def handle(draw: random.Random) -> str:
    """A name in Latin letters."""
    pool = _ROMAN if draw.random() < 0.5 else _LATIN
    first, second = draw.choice(pool), draw.choice(pool)
    number = draw.choice(
        ("", "", str(draw.randrange(100)), str(draw.randrange(1980, 2013)), "00", "77", "1004", "123")
    )
    form = draw.randrange(12)
    if form < 2:
        return f"{first}_{second}{number}"
    if form < 4:
        return f"{first.title()}{second.title()}{number}"
    if form < 6:
        return f"{first}{second}{number}"
    if form == 6:
        return f"{first.title()}_{second.title()}"
    if form == 7:
        return f"{first}{number or '7'}"
    if form == 8:
        return f"xX{first.title()}Xx"
    if form == 9:
        return (
            typed(
                draw.choice(_BEFORE[:60]) + draw.choice(_NOUNS)
                if draw.random() < 0.3
                else draw.choice(_SHORT) + draw.choice(_NOUNS[:40])
            )
            + number
        )
    if form == 10:
        return f"{first}-{second}".title() + number
    if draw.random() < 0.4:
        return " ".join(
            (
                first.title(),
                *draw.choice(((second.title(),), ("on", second.title()), (second, number or "1"))),
            )
        )
    return first.upper() + number


def typed(hangul: str) -> str:
    """Hangul as it comes out of a keyboard that is set to English."""
    out = ""
    for c in hangul:
        at = ord(c) - 0xAC00
        out += _FIRST[at // 588] + _MIDDLE[at % 588 // 28] + _LAST[at % 28] if 0 <= at < 11_172 else c
    return out


def name(draw: random.Random, said: Sequence[str]) -> str:
    """A player's name, with a tag now and then; `said`: words of real texts, of which some are made."""
    if draw.random() < FROM_SPOKEN:
        return _spoken_name(draw, said)
    noun = draw.choice(_NOUNS)
    form = draw.randrange(24)
    if form < 4:
        made = draw.choice(_BEFORE) + noun
    elif form < 6:
        made = draw.choice(_NOUNS) + noun
    elif form == 6:
        made = f"{noun}의{draw.choice(_NOUNS)}"
    elif form == 7:
        made = draw.choice(_SENTENCES)
    elif form == 8:
        made = draw.choice(_SHORT)
    elif form < 11:
        made = noun + draw.choice(_AFTER)
    elif form == 11:
        made = draw.choice(_SURNAMES) + noun
    elif form < 14:
        made = draw.choice((noun, draw.choice(_SHORT), draw.choice(_BEFORE) + noun)) + draw.choice(
            (
                "1",
                "2",
                "7",
                "9",
                "12",
                "77",
                "99",
                "123",
                "1004",
                "2024",
                "00",
                "486",
                str(draw.randrange(1000)),
            )
        )
    elif form == 14:
        made = draw.choice(("FC", "T1", "DK", "gg", "SSS", "iI", "xX", "Mr", "DJ", "MC")) + noun
    elif form == 15:
        made = noun + draw.choice(("GG", "Xx", "TV", "jr", "v2", "KR", "_", "zZ", "S2", "kor"))
    elif form == 16:
        made = draw.choice(_SHORT) + draw.choice(_SHORT)
    elif form == 17:
        made = (
            draw.choice(("갓", "킹", "대왕", "초보", "왕", "꼬마", "슈퍼", "리틀", "미스터", "닥터", "마담"))
            + noun
        )
    else:
        return handle(draw) + (tag(draw) if draw.random() < 0.12 else "")
    if draw.random() < 0.02:
        return f"{draw.choice(_BEFORE)} {noun}{tag(draw)}"
    return made[:12] + (tag(draw) if draw.random() < 0.08 else "")


def _spoken_name(draw: random.Random, said: Sequence[str]) -> str:
    """Two or three words without a blank, as names that are sentences are; or parts of two."""
    if draw.random() < 0.5:
        made = "".join(draw.choice(said)[: draw.choice((2, 2, 3))] for _ in range(2))
    else:
        made = "".join(draw.choice(said)[:4] for _ in range(draw.choice((2, 2, 3))))
    made = made[: draw.choice((5, 6, 8, 10, 12))]
    if draw.random() < 0.12:
        made += draw.choice(("1", "2", "7", "77", "99", "123", str(draw.randrange(1000))))
    return made + (tag(draw) if draw.random() < 0.08 else "")


def tag(draw: random.Random) -> str:
    return draw.choice(
        (
            "#KR1",
            "#KR2",
            "#JP1",
            f"#{draw.randrange(10_000):04}",
            f"#{draw.randrange(100_000):05}",
            "#kr1",
            "#GG1",
            "#duo",
        )
    )


def person(draw: random.Random) -> str:
    """A person's name."""
    at = draw.randrange(0, len(_GIVEN) - 1, 2)
    given = _GIVEN[at : at + 2]
    return draw.choice(_SURNAMES) + given if draw.random() < 0.75 else given


def _agreeing(made: str, particle: str, draw: random.Random) -> str:
    last = made[-1]
    sound = (ord(last) - 0xAC00) % 28 if "가" <= last <= "힣" else draw.randrange(2)
    if draw.random() < 0.02:
        return particle
    pair = _PAIRS.get(particle)
    if pair is None:
        return particle
    vowel = sound == 0 or (sound == 8 and pair[0].startswith("으로"))
    return pair[1] if vowel else pair[0]


def fill(frame: str, draw: random.Random, said: Sequence[str]) -> Invented:
    """One text of a frame."""
    text, names, read = "", [], 0
    spaced = draw.random()
    for slot in re.finditer(
        r"\{(?P<slot>[A-Zn])\}(?P<particle>" + _PARTICLE.pattern.split(r"\{N\}")[1][1:-2] + ")?", frame
    ):
        text += frame[read : slot.start()]
        read = slot.end()
        kind, particle = slot["slot"], slot["particle"] or ""
        if kind == "N":
            made = name(draw, said)
            if draw.random() < 0.06:
                left, right = draw.choice(("''", '""', "[]", "<>", "()", "「」", "“”", "‘’", "『』"))
                text += left
                names.append((len(text), len(text) + len(made)))
                text, made = text + made + right, ""
            else:
                names.append((len(text), len(text) + len(made)))
        elif kind == "P":
            made = person(draw)
        elif kind == "U":
            made = handle(draw)
        elif kind == "n":
            made = str(
                draw.choice((draw.randrange(1, 100), draw.randrange(1, 10), draw.randrange(100, 3000)))
            )
        elif kind == "W" and draw.random() < FROM_SPOKEN:
            made = draw.choice(said)
        else:
            made = draw.choice(_SLOTS[kind])
        text += made
        if particle:
            if kind == "N" and spaced < 0.12:
                text += " "
            text += _agreeing(made or text[-2], particle, draw)
    text += frame[read:]
    return Invented(text, tuple(names))


def _noised(one: Invented, draw: random.Random) -> Invented:
    """With something before or behind, as texts go on."""
    text, names = one
    if draw.random() < 0.25:
        head = draw.choice(_SLOTS["H"]) + draw.choice((" ", ", ", "! ", "~ ", " "))
        text, names = head + text, tuple((a + len(head), b + len(head)) for a, b in names)
    if draw.random() < 0.3:
        text += draw.choice((" ", ". ", "! ", ", ", " ")) + draw.choice(_SLOTS["T"])
    elif draw.random() < 0.2:
        text += draw.choice((".", "!", "?", "~", "ㅋㅋ", " ㅋㅋㅋ", "ㅠㅠ", "..", " ㅎㅎ"))
    return Invented(text, names)


def frames(file: str) -> list[str]:
    """The frames of a file."""
    lines = (TEXTS / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _loosened(one: Invented, draw: random.Random, said: Sequence[str]) -> Invented:
    """With words of real texts in place of some that say nothing about players."""
    text, names = one
    made, moved, read = "", [], 0
    for word in _WORD.finditer(text):
        made += text[read : word.start()]
        read = word.end()
        moved += [
            (len(made) + a - word.start(), len(made) + b - word.start())
            for a, b in names
            if word.start() <= a < read
        ]
        inside = any(a < read and word.start() < b for a, b in names)
        free = not inside and _HANGUL.fullmatch(word[0]) and not any(map(word[0].startswith, _CUES))
        made += draw.choice(said)[:9] if free and draw.random() < LOOSE else word[0]
    return Invented(made + text[read:], tuple(moved))


def invented(of: list[str], times: int, seed: int, said: Sequence[str]) -> Iterator[Invented]:
    """So many texts of each frame; `said`: words of real texts."""
    draw = random.Random(seed)
    for frame in of:
        for _ in range(times):
            one = _noised(fill(frame, draw, said), draw)
            yield _loosened(one, draw, said) if draw.random() < LOOSENED else one
