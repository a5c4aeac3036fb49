"""The words behind which players are named, as patterns and as the gate's words."""

from __future__ import annotations

from pipelines.stages.pii.detector import spelt

_CHARACTER = r"(?:캐릭터|캐릭|케릭터|케릭|캐|케)"
NAME_WORDS = (  # the word for a name in games
    r"닉네임|닉넴|(?:본캐|부캐)?닉(?!값|변|언|vs)|"
    rf"{_CHARACTER}[ ]?(?:명|이름|네임|닉네임|닉|아이디|ID)|소환사[ ]?(?:명|이름|닉네임|닉|네임)|"
    r"배틀[ ]?태그|battle[ ]?tag|(?<![^\n\t (\"':,/|>*\-])IGN(?![A-Za-z])|라이엇[ ]?(?:ID|아이디|닉네임|닉)|"
    r"riot[ ]?id|구단주[ ]?(?:명|이름)|"
    r"롤네임|롤닉|게임[ ]?(?:내[ ]?|상[ ]?|속[ ]?)?(?:네임|이름)|인게임[ ]?(?:네임|이름|아이디)|"
    r"감독[ ]?명|모험단(?:[ ]?명|[ ]이름)|기사단[ ]?명|구단[ ]?명|가문[ ]?명|원정대(?:[ ]?명|[ ]이름)|"
    r"유저[ ]?명|"
    r"신고[ ]?대상(?:자)?[ ]?(?:닉네임|닉|아이디)|플레이어[ ]?(?:명|이름|네임|아이디|ID)|게이머[ ]?태그|"
    r"스팀[ ]?(?:네임|이름)|"
    r"(?:온라인|에픽|오리진|유비)[ ]?(?:ID|아이디)|프로필[ ]?이름|"
    r"(?:커맨더|지휘관|트레이너|마스터|함장|개척자|여행자|영주|군주|단장|사령관|프로듀서|선장|교주|기수|캡틴|"
    r"매니저|팀|클럽|구단|혈맹원|문파원)[ ]?"
    r"(?:네임|닉네임|닉)|활동명|"
    r"gamer[ ]?tag|in[- ]?game[ ]?(?:name|nick)|nick[_ ]?name|nick(?![a-z_])(?:[ ]en[ ][A-Za-z]{2,15})?|"
    r"char(?:acter)?[_ ]?name|player[_ ]?(?:name|id|tag)|summoner[_ ]?name|game[_ ]?name|steam[ ]name|"
    r"roblox[ ](?:username|user|name)|epic[ ](?:username|name|id)|PSN(?:[ ]ID)?(?=[ ]?:)|"
    r"ID[ ]de[ ]jugador|nombre[ ](?:en[ ]el[ ]juego|de[ ]jugador)"
)
WHO_WORDS = (  # the word for who somebody is
    r"본캐|부캐|길드장|길드[ ]?마스터|길마|부길마|길드원|파티장|파티원|공대장|공대원|클랜장|클랜원|"
    r"클랜[ ]?마스터|"
    rf"귓말|귓속말|귓|신고[ ]?대상(?:자)?|신고할[ ]?(?:유저|사람|분)|피신고자|{_CHARACTER}(?=[ ]?[:=])|"
    r"원정대|모험단|리니지[ ]캐릭|"
    r"(?:reported|target|killed)_(?:user|player)|player(?=[\"']?[ ]?[:=])|user[_ ]?name|MVP(?=[ :])|판매자|"
    r"구매자|방장(?=[ ]?:)|"
    r"채널장|연맹장|맹주|군단장|(?:killer|victim|guild_?master|winner|loser|opponent)(?=\"[ ]?:)|nick_?nm|"
    r"(?:전|현|구|신)[ ]?닉(?:네임)?|(?:변경|이전)[ ]?(?:전|후)(?=[ ]?:)|my (?:steam|roblox|psn|xbox|"
    r"minecraft|fortnite)(?=[ ]is)|"
    r"(?:steam|roblox|psn|xbox|minecraft|fortnite|valorant|genshin)[ ](?:name|nick|user)|제[ ]?캐릭(?:터)?|"
    r"내[ ]?캐릭(?:터)?"
)
_C = ("캐릭터", "캐릭", "케릭터", "케릭", "캐", "케")
# What the gate looks for: every word above, in lower case.
NICK_WORDS = (
    *("닉", "라이엇", "riot", "롤네임", "신고대상", "신고 대상", "nick", "id de jugador", "nombre "),
    *spelt(list(" (\"':,/|>*-\t"), "ign", list(" :=|,\t\"'>-은는이가は是叫iew")),
    *spelt(_C, ("", " "), ("명", "이름", "네임", "닉", "아이디", "id", ":", "=")),
    *spelt(
        ("소환사", "플레이어", "모험단", "원정대", "감독", "구단주"),
        ("", " "),
        ("명", "이름", "네임", "id", "아이디"),
    ),
    *spelt(("기사단", "구단", "유저", "가문"), ("", " "), "명"),
    *spelt(("배틀", "게임", "게이머", "스팀"), ("", " "), ("태그", "네임", "이름")),
    *spelt("게임", ("내", "상", "속", " 내", " 상", " 속"), ("", " "), ("네임", "이름")),
    *spelt("인게임", ("", " "), ("네임", "이름", "아이디")),
    *spelt(("온라인", "에픽", "오리진", "유비"), ("", " "), ("id", "아이디")),
    *spelt("프로필", ("", " "), "이름"),
    *spelt(
        (
            "커맨더",
            "지휘관",
            "트레이너",
            "마스터",
            "함장",
            "개척자",
            "여행자",
            "영주",
            "군주",
            "단장",
            "사령관",
            "프로듀서",
        ),
        ("", " "),
        "네임",
    ),
    *spelt(("선장", "교주", "기수", "캡틴", "매니저", "팀", "클럽", "구단"), ("", " "), "네임"),
    "활동명",
    *spelt(("battle", "gamer"), ("", " "), "tag"),
    *spelt("in", ("", "-", " "), "game", ("", " "), ("name", "nick")),
    *spelt(("character", "char", "player", "summoner", "game", "steam"), ("", " ", "_"), "name"),
    *spelt("player", ("", " ", "_"), ("id", "tag", ":", "=", '"', "'")),
    *spelt("roblox ", ("user", "name")),
    *spelt("epic ", ("user", "name", "id")),
    *("psn:", "psn :", "psn id", "본캐", "부캐", "길드장", "길드마스터", "길드 마스터", "길마", "길드원"),
    *(
        "파티장",
        "파티원",
        "공대장",
        "공대원",
        "클랜",
        "귓",
        "신고할",
        "피신고자",
        "원정대",
        "모험단",
        "리니지 캐릭",
    ),
    *spelt(("reported", "target", "killed"), "_", ("user", "player")),
    *(
        "username",
        "user name",
        "user_name",
        "mvp ",
        "mvp:",
        "판매자",
        "구매자",
        "방장:",
        "방장 :",
        "채널장",
        "연맹장",
        "맹주",
    ),
    *(
        "군단장",
        'killer"',
        'victim"',
        "guildmaster",
        "guild_master",
        'winner"',
        'loser"',
        'opponent"',
        "nick_nm",
        "nicknm",
    ),
    *(
        "변경 전",
        "변경전",
        "이전 전",
        "변경 후",
        "변경후",
        "이전 후",
        "제 캐릭",
        "제캐릭",
        "내 캐릭",
        "내캐릭",
    ),
    *spelt("my ", ("steam", "roblox", "psn", "xbox", "minecraft", "fortnite"), " is"),
    *spelt(
        ("steam", "roblox", "psn", "xbox", "minecraft", "fortnite", "valorant", "genshin"),
        " ",
        ("name", "nick", "user"),
    ),
)
