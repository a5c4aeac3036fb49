"""Words around handles that messengers and games share: names of games, "아이디", what stands between."""

from __future__ import annotations

import re

from pipelines.stages.pii.expression import expression

GAMES = (
    r"롤|리그[ ]?오브[ ]?레전드|배그|배틀그라운드|PUBG|로블록스|로블|메이플(?:스토리)?|발로란트|발로|마크|"
    r"마인크래프트|오버워치|옵치|던파|"
    r"로스트아크|로아|피파|서든|스팀|steam|PSN|넥슨|배틀넷|게임|ゲーム|인게임|길드|브롤|클래시|원신|"
    r"포트나이트|에펙|에이펙스"
)
ID_WORD = r"(?:아이디|아뒤|아디|ID|Id|id|계정|친구[ ]?코드|친구추가|친추|핸들|handle|username|user[ ]name)"
ID_WORDS = (  # for the gate; but for the short one, id, which stands with its service or game
    *("아이디", "아뒤", "아디", "계정", "친구코드", "친구 코드", "친구추가", "친추", "핸들", "handle"),
    *("username", "user name"),
)
LINK = (
    r"[\"']?(?:(?:은|는|이|가)요?[ :=]|[ ]?(?:の|は|es|is|是|叫)|[ ]?(?:DM|디엠)[ ]?(?:주세요|"
    r"주셈)?)?[ ]?[:=|,]{0,2}[ \t\"']{0,2}"
)
STRONG = expression(r"[0-9_.#@]|[A-Za-z]-[A-Za-z0-9]|[a-z][A-Z]")
PLACEHOLDER = expression(
    r"(?i)@?(?:null|none|undefined|true|false|string|int|example|test|admin|root|your[_-]?\w*|id|"
    r"user(?:name)?|value|key|field|"
    r"required|varchar|request\w*|usestate|too|not|already|self\w*|get\w*|data|text|"
    r"everyone|here|channel|py|js|com|api|bot|server|dm|pay|app|web|pc|mobile|android|ios|v?\d+(?:\.\d+)*)\Z"
)
SCHEME = expression("https?$", re.IGNORECASE)
