"""Words around handles that messengers and games share: names of games, "아이디", what stands between."""

from __future__ import annotations

import re

from pipelines.stages.pii.expression import expression

GAME_WORDS = (
    *(
        "롤",
        "리그오브레전드",
        "리그 오브 레전드",
        "배그",
        "배틀그라운드",
        "pubg",
        "로블록스",
        "로블",
        "roblox",
    ),
    *("메이플스토리", "메이플", "발로란트", "발로", "마크", "마인크래프트", "마크서버", "오버워치", "옵치"),
    *("던파", "던전앤파이터", "로스트아크", "로아", "피파", "fc온라인", "서든어택", "서든", "스팀", "steam"),
    *("psn", "플스", "플레이스테이션", "엑박", "엑스박스", "xbox", "닌텐도", "스위치", "넥슨", "배틀넷"),
    *("게임", "겜", "인게임", "ゲーム", "길드", "브롤스타즈", "브롤", "클래시로얄", "클래시", "클로", "원신"),
    *("포트나이트", "에픽", "에펙", "에이펙스", "리니지", "검은사막", "쿠키런", "포켓몬고", "포고"),
    *("붕괴 스타레일", "스타레일", "젠레스", "명조", "이터널리턴", "카트라이더", "카트", "테런", "아이온"),
    *("lost ark", "maplestory", "minecraft", "valorant", "overwatch", "fortnite"),
)
GAMES = "|".join(sorted((re.escape(word).replace(r"\ ", "[ ]?") for word in GAME_WORDS), key=len)[::-1])
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
    r"(?:api|js|access|auth|client|secret)[_-]\w+|\w+[_-](?:bot|token|key|api|id|count|number|type|url|name|"
    r"button|height|width)|botfather)\Z"
)
SCHEME = expression("https?$", re.IGNORECASE)
