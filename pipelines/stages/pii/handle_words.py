"""Words around handles that messengers and games share: names of games, "아이디", what stands between."""

from __future__ import annotations

import re

from pipelines.stages.pii.expression import expression

GAME_WORDS = (
    *(
        "롤",
        "리그오브레전드",
        "리그 오브 레전드",
        "롤체",
        "와일드리프트",
        "와리",
        "배그",
        "배틀그라운드",
        "pubg",
        "배그모바일",
    ),
    *(
        "로블록스",
        "로블",
        "roblox",
        "메이플스토리",
        "메이플",
        "메이플m",
        "메이플랜드",
        "발로란트",
        "발로",
        "마크",
        "마인크래프트",
    ),
    *(
        "오버워치",
        "옵치",
        "던파",
        "던전앤파이터",
        "던파모바일",
        "로스트아크",
        "로아",
        "피파",
        "피파온라인",
        "fc온라인",
        "fc모바일",
    ),
    *(
        "서든어택",
        "서든",
        "스팀",
        "steam",
        "psn",
        "플스",
        "플레이스테이션",
        "엑박",
        "엑스박스",
        "xbox",
        "닌텐도",
        "스위치",
    ),
    *(
        "넥슨",
        "배틀넷",
        "게임",
        "겜",
        "인게임",
        "ゲーム",
        "길드",
        "브롤스타즈",
        "브롤",
        "클래시로얄",
        "클래시",
        "클로",
        "클오클",
    ),
    *(
        "원신",
        "포트나이트",
        "에픽",
        "에펙",
        "에이펙스",
        "리니지",
        "리니지m",
        "리니지w",
        "리니지2m",
        "아이온",
        "아이온2",
    ),
    *(
        "검은사막",
        "검은사막m",
        "쿠키런",
        "쿠키런킹덤",
        "킹덤",
        "포켓몬고",
        "포켓몬",
        "포고",
        "유나이트",
        "붕괴 스타레일",
        "스타레일",
    ),
    *(
        "붕스",
        "붕괴",
        "젠레스",
        "명조",
        "니케",
        "블루아카이브",
        "블아",
        "명일방주",
        "우마무스메",
        "트릭컬",
        "페그오",
        "프세카",
    ),
    *(
        "이터널리턴",
        "이리",
        "카트라이더",
        "카러플",
        "크아",
        "크레이지아케이드",
        "테런",
        "테일즈런너",
        "바람의나라",
        "바람",
    ),
    *(
        "마비노기",
        "블소",
        "서머너즈워",
        "세븐나이츠",
        "세나",
        "라그나로크",
        "디아블로",
        "디아4",
        "디아",
        "와우",
        "하스스톤",
    ),
    *(
        "스타크래프트",
        "워크래프트",
        "철권",
        "몬헌",
        "엘든링",
        "동숲",
        "모동숲",
        "동물의숲",
        "마카",
        "마리오카트",
        "스플래툰",
    ),
    *(
        "어몽어스",
        "폴가이즈",
        "좀비고",
        "사이퍼즈",
        "콜옵",
        "콜오브듀티",
        "레식",
        "카스2",
        "타르코프",
        "러스트",
        "팰월드",
    ),
    *(
        "오딘",
        "나이트크로우",
        "미르4",
        "아키에이지",
        "거상",
        "엘소드",
        "버블파이터",
        "프리스타일",
        "위닝",
        "이풋볼",
        "마구마구",
    ),
    *(
        "컴프야",
        "컴투스프로야구",
        "테트리스",
        "헤이데이",
        "애니팡",
        "프렌즈팝",
        "한게임",
        "피망",
        "넷마블",
        "로한",
        "라오킹",
    ),
    *(
        "라스트워",
        "화이트아웃",
        "그랑블루",
        "슈퍼바이브",
        "열혈강호",
        "프리파이어",
        "모바일레전드",
        "제2의나라",
        "크루세이더퀘스트",
    ),
    *(
        "lost ark",
        "maplestory",
        "minecraft",
        "valorant",
        "overwatch",
        "fortnite",
        "free fire",
        "genshin",
        "apex legends",
    ),
    *(
        "warzone",
        "call of duty",
        "brawl stars",
        "clash of clans",
        "clash royale",
        "mobile legends",
        "league of legends",
    ),
    *(
        "lol",
        "tft",
        "wow",
        "dota",
        "splatoon",
        "diablo",
        "lineage",
        "honkai",
        "mlbb",
        "rocket league",
        "fifa",
        "ea fc",
    ),
)
GAMES = "|".join(sorted((re.escape(word).replace(r"\ ", "[ ]?") for word in GAME_WORDS), key=len)[::-1])
# Looked at first, for speed: a game's first letter.
GAME_FIRST = f"(?-i:(?=[{''.join(sorted({c for word in GAME_WORDS for c in (word[0], word[0].upper())}))}]))"
ID_WORD = r"(?:아이디|아뒤|아디|ID|Id|id|계정|친구[ ]?코드|친구추가|친추|핸들|handle|username|user[ ]name)"
ID_WORDS = (  # for the gate; but for the short one, id, which stands with its service or game
    *("아이디", "아뒤", "아디", "계정", "친구코드", "친구 코드", "친구추가", "친추", "핸들", "handle"),
    *("username", "user name"),
)
OPEN, CLOSE = "\"'“‘「『〈<\\[(【《", "\"'”’」』〉>\\])】》"  # what a name is put between, as regex classes
LINK = (
    r"[\"']?(?:(?:은|는|이|가)요?[ :=]|[ ]?(?:の|は|es|is|是|叫)|[ ]?(?:DM|디엠)[ ]?(?:주세요|"
    r"주셈)?)?[ ]?[:=|,]{0,2}[ \t\"']{0,2}"
)
STRONG = expression(r"[0-9_.#@]|[A-Za-z]-[A-Za-z0-9]|[a-z][A-Z]")
PLACEHOLDER = expression(
    r"(?i)@?(?:null|none|undefined|true|false|string|int(?:eger)?|example|test|admin|root|your[_-]?\w*|id|"
    r"user(?:name)?|value|key|field|number|name|nickname|player|"
    r"required|varchar|request\w*|usestate|too|not|already|self\w*|get\w*|set\w*|data|text|"
    r"enabled?|disabled?|empty|cannot|must|should|and|or|in|on|for|of|the|with|"
    r"everyone|here|channel|py|js|com|api|bot|server|dm|pay|app|web|pc|mobile|android|ios|v?\d+(?:\.\d+)*|"
    r"(?:api|js|access|auth|client|secret)[_-]\w+|[\w-]+[_-](?:bot|token|key|api|id|count|number|type|url|name|"
    r"button|height|width)|botfather|"
    r"git(?:hub|lab)|linkedin|facebook|instagram|telegram|twitter|tiktok|discord|kakao(?:talk|story)?|"
    r"whats?app|wechat|youtube|twitch|snapchat|naver|skype|slack)\Z"  # a service is no handle of its own
)
SCHEME = expression("https?$", re.IGNORECASE)
DOMAIN = expression(
    r"\.(?:com|net|io|gg|py|js|txt|md|exe|zip|pdf|json|html?|csv|png|jpg|org|me|example|co\.kr|or\.kr|go\.kr)\Z|\Awww\."
)
# A form that words do not have: an underscore, digits at the end, a point within.
TELLING = expression(r"_[A-Za-z0-9]|[a-z][0-9]{2,}\Z|[a-z]\.[a-z]")
