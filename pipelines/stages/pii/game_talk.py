"""What stands behind the word for a player's name: where the name ends, and whether it is talk instead.

Hangul names stand as words among words. Particles are told from a name's last syllable by its final sound
(standard spelling: 이라는, 이야, 이랑, 이요 behind a consonant; 라는, 야, 랑, 요 behind a vowel).
"""

from __future__ import annotations

import re

from pipelines.stages.pii.expression import expression

_HANGUL = expression("[가-힣]")
_L, _NG = 8, 21  # final sounds, by Unicode 3.12
_BOTH = r"이에요|입니다|이었[어고는던]|이고요?|이며|이지만|인데요?|인가요|인|임"
_BEHIND_CONSONANT = r"으로[는도만]|이라고[는요]?|이라는|이라서|이라|이랑|이야|이요|이죠|이네요?|으로요?|과"
_BEHIND_VOWEL = r"로[는도만]|라고[는요]?|라는|라서|라|랑|야|요|죠|예요|네요|였[어고는던]|와"
_ANY = r"에게[는도서]?|한테[는도서]?|에서[는도]?|하고|까지|부터|처럼|께|님아?|씨|의|도|만"
_COPULA = expression(rf"(?:{_BOTH}|{_BEHIND_CONSONANT}|{_BEHIND_VOWEL}|로요?)\Z")
_PARTICLE = expression(rf"(?:{_BOTH}|{_BEHIND_CONSONANT}|{_BEHIND_VOWEL}|로요?|{_ANY}|은|는|이|가|을|를)\Z")
_LATIN_END = expression(r"[A-Za-z0-9_\-]+$")
_ENGLISH = expression(
    r"[ ](?:(?:in|on|from|at)[ ](?:the[ ])?(?:roblox|minecraft|steam|lol|discord|xbox|psn|game|genshin|"
    r"valorant|fortnite|"
    r"overwatch|league)|add|me|is|and|in|on|for|please|pls|plz|from|at|the|to|my|if|or|with|but|not|too|here|"
    r"so|who|can|"
    r"kr|na|eu|server|i|am|you|he|she|it|his|her|want|need|long|short|required|taken)\Z",
    re.IGNORECASE,
)
_LATIN_WORDS = expression("[A-Za-z ]+[0-9]{0,4}")
_LEAST = 2


def name_of(handle: str, *, said: bool, goes_on: bool) -> str:
    """The name alone: of several words only Latin ones stay together.

    `said`: "is" stands before; `goes_on`: a Hangul word stands behind, so a particle may end it.
    """
    if not _LATIN_WORDS.fullmatch(handle):
        handle = handle.split(" ", 1)[0]
    while (word := _ENGLISH.search(handle)) is not None:
        handle = handle[: word.start()]
    particle = (_COPULA if said else _PARTICLE).search(handle)
    while particle is not None:
        at, last = particle.start(), handle[particle.start() - 1]
        held = particle[0] in _GOING_ON and not goes_on
        if (
            at >= _LEAST
            and not held
            and _agrees(last, particle[0])
            and _is_cut(last, particle[0], at, said=said)
        ):
            return handle[:at]
        particle = (_COPULA if said else _PARTICLE).search(handle, at + 1)
    return handle


_GOING_ON = frozenset({"랑", "이랑", "인", "은", "는", "이", "가", "을", "를"})


def _agrees(last: str, particle: str) -> bool:
    """Whether a particle can stand behind this character; behind Latin letters and digits any can."""
    if not _HANGUL.match(last):
        return True
    if particle.startswith("으로"):
        return True  # as forms write it behind any name
    sound = (ord(last) - 0xAC00) % 28
    if re.fullmatch(_BEHIND_CONSONANT, particle) or particle in {"은", "이", "을"}:
        if sound == _NG and particle.startswith("이") and len(particle) > 1:
            return False  # 고양이라는, 멍멍이야: names of that end are many
        return sound != 0
    if re.fullmatch(_BEHIND_VOWEL, particle) or particle in {"는", "가", "를"}:
        return sound == 0
    return not particle.startswith("로") or sound in {0, _L}


_ALWAYS_CUT = expression(
    rf"(?:이라[고는]|예요|{_BOTH}|으로[는도만]?|로[는도만]|한테[는도서]?|에게[는도서]?|에서[는도]?|라는|"
    rf"라고[는요]?)\Z"
)


def _is_cut(last: str, particle: str, at: int, *, said: bool) -> bool:
    """Short syllables end many names: they are cut from names of three and more, or behind Latin ones."""
    if said or _ALWAYS_CUT.match(particle) or not _HANGUL.match(last):
        return particle not in {"임", "인", "라"} or at > _LEAST
    return particle in {"은", "는", "이", "가", "을", "를", "님", "로", "랑", "이랑"} and at > _LEAST


# What follows the word for a name and is none: verbs, wishes, questions, things one does with a name.
_NO_NAME = expression(
    r"(?:(?:을|를|이|가|은|는|도|만|의|에|뭐|좀|왜|안|못|잘|그|이런|저런|이거|이게|좋|함|임|남|두|세|한|"
    r"랑)(?![가-힣A-Za-z0-9]{2})|으로|변경|설정|확인|입력|검색|공개|비공개|공백|필수|선택|최소|최대|특수|"
    r"욕설|"
    r"무엇|무슨|뭔|공유|거래(?![가-힣])|어떻|알려|알[아았]|정하|정해|추천|바꾸|바꿔|바꿀|바뀌|바꾼|짓|지어|"
    r"지은|등록|없|있|아이디|닉네임|"
    r"중복|수정|쓰[는고기면]|쓸|아니|아닙|해킹|찾기|찾아|찾는|잊어|까먹|몰라|모르|삽니다|팝니다|판매|구매|"
    r"말[하해고씀]|보[여이통고]|같|다시|새로|한글|영어|영문|숫자|생성|삭제|탈퇴|가입|모집|구함|구해|여러분|"
    r"만들|가진|길드(?![가-힣]{2})|유저|사용|기준|대신|때문|그대로|누구|누가|어디|네임|멋진|예쁘|이쁘|귀엽|"
    r"웃기|"
    r"특이|남자|여자|너무|정말|진짜|이미|계속|자꾸|아직|벌써|매우|되게|완전|정지|당했|[ㄱ-ㅎㅏ-ㅣ]|하나|보고|"
    r"하고|까지|부터|값|세탁|신고|차단|친추|추가|불러|적어|남겨|올려|보내|제한|금지|규정|관련|처리|안내|문의|"
    r"서버|점검|패치|업데이트|이벤트|시즌|친구|공식|초보|신규|모바일|온라인|계정|핵|버그|오류|렉|레벨|점수|"
    r"공지|복귀|뉴비|늅비|양도|복구|위임|접속|육성|키우|접었|밸런스|디자인|스킨|선정|인증|도용|사칭|본인|"
    r"상대|사람|이름|명단|"
    r"목록|형식|예시|글자|개수|부탁|주세요|줘|받아|해[요줘]|합니다|했|하는|되는|됩|안내)"
)
_COUNTED = expression(r"[0-9]+(?:자|명|글자|개|회|번|위|레벨|렙|분|원|만|천|일|월|년|시|살|판|점|단계|차)")
_ADNOMINAL_AFTER = expression(r"[ ](?:수|때|것|거|게|줄|뿐|만큼|적|지|예정)(?![가-힣]{3})")
_DO_AFTER = expression(r"[ ](?:뭐|왜|어떻|어디|없[이는어]|안[ ]|못[ ]|하[는고기]|해[ ]|좀[ ])")
_VERBAL = expression(
    "(?:[요다까죠네음함냐나줘해됨임면서고게도만]|지만|는데|려고|거나|든지|어|아|여|을|를|중|"
    "점|권|창|법|제|료|기|적|들|번|짜)\\Z"
)
_RULES = expression(
    r"(?:필수|선택|없음|미정|비공개|입력|공백|중복|한글|영문|숫자|최대|최소|변경|확인|닉네임|아이디|이름|"
    r"욕설|비방|"
    r"설명|설정|자동|예시|추천|상관|아무|무관|모름|비밀)"
)


def is_talk(name: str, text: str, end: int, *, linked: bool) -> bool:
    """Whether it is said about names, and is none; `linked`: a colon or quotes stand before."""
    if _COUNTED.match(name):
        return True
    if linked:
        return _RULES.match(name) is not None
    return (
        _NO_NAME.match(name) is not None
        or _ADNOMINAL_AFTER.match(text, end) is not None
        or _DO_AFTER.match(text, end) is not None
    )


def is_verbal(name: str) -> bool:
    """Whether it ends as verbs and their like do."""
    return _VERBAL.search(name) is not None


SERVERS = "루페온|카단|아만|니나브|카제로스|실리안|아브렐슈드|스카니아|루나|엘리시움|크로아|베라"
# Behind a name: the sentence ends, or what is said of players goes on.
CLOSING = expression(
    r"[\"'”’」』\])】>]?(?:[ \t]*(?:[\n.,!?)\]\"'/|<]|→|\Z)|"
    rf"[ ](?:[가-힣]{{0,5}}[ ]?서버|{SERVERS}|"
    r"이노시스|유니온|제니스|오로라|아케인|노바|리부트|카인|디레지에|시로코|프레이|카시야스|힐더|안톤|"
    r"바칼|"
    r"신고|차단|핵|친추|길드|직업|레벨|서버|부캐|본캐|입니다|이에요|예요|인데|이고|임|이요|요(?![가-힣])|"
    r"로[요 ]|으로|귓|보내|지급|처리|부탁|둘[ ]?다|모두|다[ ]|이랑|한테|에게|캐릭|유저|계정|정지|쓰는|쓰고|"
    r"사용|복구|팝니다|삽니다|주세요|변경|맞나|맞아|맞는|확인|님|■|▶|●|-))"
)
