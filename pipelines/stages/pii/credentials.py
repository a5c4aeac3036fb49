"""Passwords, keys and tokens: known forms of tokens, and what is set for a password in talk and code.

A span is the value alone. A value that is a variable, a call, a mask or a placeholder is none; behind a word
for it a value must look like one: two kinds of letter, digit and sign, or be quoted.
Token forms: the documents of their issuers (AWS, GitHub, GitLab, Slack, Google, Stripe, Hugging Face, npm).
"""

from __future__ import annotations

import re
from base64 import b64decode

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, probability
from pipelines.stages.pii.expression import expression

_ISSUED = (
    r"(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|"
    r"glpat-[A-Za-z0-9_\-]{16,}|"
    r"sk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_\-]{20,}|xox[abeoprs]-[A-Za-z0-9\-]{10,}|AIza[0-9A-Za-z_\-]{30,}|"
    r"[srp]k_(?:test|live)_[A-Za-z0-9]{10,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{20,}|"
    r"ya29\.[A-Za-z0-9_\-]{16,}|GOCSPX-[A-Za-z0-9_\-]{16,}|"
    r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}|"
    r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}|dckr_pat_[A-Za-z0-9_\-]{16,}|"
    r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{30,}"
)
_KNOWN = expression(rf"(?:(?<![A-Za-z0-9_])|(?<=/bot)|(?<=^bot))(?:{_ISSUED})(?![A-Za-z0-9_])")
_WORD = (
    r"비밀번호|비번|암호|ㅂㅂ|ㅂㅁㅂㅎ|방비(?=[ :])|핀[ ]?번호|PIN(?:[ ]?(?:번호|code|number))?|pass[ ]?code|"
    r"(?:door|gate|entry|lock)[ ]?code|senha|パス|보안[ ]?코드|"
    r"패스워드|비밀[ ]?번호|패스프레이즈|密码|密碼|口令|パスワード|暗証番号|contraseñas?|"
    r"clave|mot de passe|passw(?:or)?d|passphrase|passwort|pwd|pw|pass"
)
_KEY_WORD = (
    r"(?:client|app|api|aws|secret|access|private|auth|bearer|refresh|service|shared|signing|encryption|"
    r"consumer|bot|hf|npm|jwt|session)[_\-. ]?"
    r"(?:access[_\-. ]?)?(?:secret|key|token)s?(?:[_\-. ]?(?:key|id|secret))?|secret|token|"
    r"account[_\-]?key|session[_\-]?id|jsessionid|phpsessid|"
    r"(?:REST[ ]?)?(?:API|app|앱|시크릿|비밀|인증|액세스|개인)[ ]?(?:키|토큰)|시크릿|(?:구글|카카오|"
    r"네이버)[ ]?키"
)
_GAP = r"[ \t]{0,3}"
_VERB = r"(?:는요?|은요?|가|이|요|を|は|is|era|es|就是|是)?"
_OF = r"(?:[ ]?\([^()\n]{1,10}\)|[ ](?:del?|of|for|para)[ ][A-Za-z]{2,10})?"  # "(초기)", "del wifi"
_LINK = rf"(?:[\"']\]?,?)?{_OF}{_GAP}{_VERB}\??{_GAP}(?::=|=>|=|:|-(?=[ ]))?{_GAP}(?:임시[ ]?)?"
_VALUE = r"(?:\"(?P<dq>[^\"\n]{4,120})\"|'(?P<sq>[^'\n]{4,120})'|(?P<plain>[!-~]{4,160}))"
# A word for it begins a word, or a part of one: dbPassword, PGPASSWORD, spring.datasource.password.
_START = (
    r"(?:(?<![A-Za-z])|(?=[가-힣ㅂ密口パ暗])|(?<=[a-z])(?<!publickey)(?-i:(?=Pass|Secret|"
    r"Token|Pwd))|(?<=[A-Z])(?-i:(?=PASSWORD|SECRET|TOKEN|"
    r"PWD)))"
)
# A first look at one letter: four times as fast as trying every word at every place.
_FIRST = "(?=[비암ㅂ방핀보패시앱인액개구카네密口パ暗PDGELSCMABRHNJT])"
_SET = expression(
    (
        rf"{_FIRST}{_START}(?:(?P<password>{_WORD})|"
        rf"(?P<secret>{_KEY_WORD}))(?P<link>{_LINK}){_VALUE}"
    ),
    re.IGNORECASE,
)
_XML_WORD = r"[A-Za-z_.\-]{0,20}(?:password|passwd|pwd|secret)"
_COMMAND = expression(
    r"(?=[:mMsScCpPwWhHdDrRnN<아계iIuUBb\-])(?:"
    r"://[^\s/:@\"']{0,60}:(?P<url>[^\s/@\"'$<{*]{3,80})@(?=[A-Za-z0-9\[])|"
    r"(?:mysql|mysqldump|mariadb|sshpass|mongo|psql)[^\n]{0,60}?[ ]-p[ ]?(?P<cli>'[^'\n]{4,60}'|"
    r"\"[^\"\n]{4,60}\"|[^\s'\"$<]{4,60})|"
    r"(?:curl|wget|http)[^\n]{0,80}?[ ](?:-u|--user)[ ]?[\"']?[^\s:\"']{1,40}:(?P<user>[^\s\"'$<{]{3,60})|"
    r"docker[ ]login[^\n]{0,60}?[ ]-p[ ](?P<docker>[^\s'\"$<]{4,60})|"
    r"redis-cli[^\n]{0,60}?[ ]-a[ ](?P<redis>[^\s'\"$<]{4,60})|"
    r"net[ ]user[ ][^\s/]{1,30}[ ](?P<net>[^\s'\"$</][^\s'\"$<]{3,60})|"
    r"hooks\.slack\.com/services/(?P<hook>T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,})|"
    r"(?i:(?:password|passwd|pwd|secret)[\"'][ ]{1,2}value=[\"'](?P<xml>[^\"'\n<>]{4,60}))|"
    rf"(?i:<{_XML_WORD}>(?P<tag>[^\s<>]{{4,80}})</)|"
    rf"(?i:(?:아이디|ID|계정|user(?:name)?)[ ]?[/|,][ ]?(?:비번|비밀번호|암호|패스워드|PW|password)[ ]?[:=]"
    r"[ ]?[A-Za-z0-9_.@\-]{2,40}[ ]?[/|,][ ]?(?P<pair>[!-~]{4,40}))|"
    r"Basic[ ](?P<basic>[A-Za-z0-9+/]{12,}={0,2})|Bearer[ ](?P<bearer>[A-Za-z0-9_\-.~+/]{16,}={0,2})|"
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:\\r|\\n|[ ])*(?P<pem>[A-Za-z0-9+/=\\]{16,}))"
)
_BLOCK = expression(  # RFC 7468; a key of 8,192 bits has 6,400 characters
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[ ]*\r?\n(?:[A-Za-z][A-Za-z0-9-]*:[^\n]{0,120}\n){0,3}\s*"
    r"(?P<body>(?:[A-Za-z0-9+/=]{1,76}[ ]*\r?\n?){1,110})"
)
_NOT_A_VALUE = expression(
    r"(?ix)\A(?: [*•●xX#._?\-]{3,} | \**<.*>?\** | \w*password\*+ | /[\w.\-]*/[\w./\-]* |"
    r" (?:base64|sha-?[0-9]|md5|utf-?8|bcrypt).* | \$.* | %\w+%? | \{.* | \[.* | \(.* | [|"
    r"&;].* |(?:os|process|"
    r"env|request|config|settings|self|this|ctx|params|args|props|user|data|form|"
    r"req|app|var|local|module|secrets|vault|System|Environment)[.\[(:].* |"
    r"your.* | (?:my|the|a|an)(?![a-z0-9!@\#$%^&*])[^0-9]* | (?:new|old|enter|insert|replace|"
    r"change|example|sample|dummy|test|null|none|nil|true|"
    r"false|undefined|string|str|int|bool|text|varchar|required|optional|default|value|"
    r"password|passwd|secret|token|key|file|field|input|hash|hidden|empty|is|must|should|and|or|for|to|in|"
    r"of|not|with)(?![a-z0-9!@\#$%^&*]).* | YOUR.* | .*\(.*\)?;?)\Z"
)
_ATTRIBUTE = expression(r"[A-Za-z_]\w*\.[A-Za-z_]\w*(?:\.|\Z)")
_CONSTANT = expression(r"[A-Z]+(?:_[A-Z0-9]+)+")
_ENDS = expression(r"[\"'`<>,;)\]}|&\\](?![A-Za-z0-9!@#$%^&*]*[0-9])|[\"'`<>,;|\\]")
_LEAST, _LEAST_KEY, _LONG_KEY = 4, 12, 20  # characters of a password, of a key
_COUNTED = expression(
    r"[ ]?(?:같|처럼|등|이나|따위|(?:은|는|을|를)?[ ]?쓰지|자리|자|회|번|개|글자|분|초|일|"
    r"회차|차|년|월|원|명|~|-|이상|이하|단계)"
)


def _shape(value: str) -> int:
    """How many of letter, digit and sign it has."""
    kinds = (str.isalpha, str.isdigit, lambda character: not character.isalnum())
    return sum(any(map(kind, value)) for kind in kinds)


def _known(text: str, match: re.Match[str]) -> Finding | None:
    start = match.start()
    value = match[0].rstrip("-_.")
    if value.startswith("sk-") and not any(map(str.isdigit, value)):
        return None  # "sk-learn-extra-..." is a name
    return Finding(start, start + len(value), "CREDENTIAL", 0.97, ("form of a token",))


def _set(text: str, match: re.Match[str]) -> Finding | None:
    group = "dq" if match["dq"] else "sq" if match["sq"] else "plain"
    start = match.start(group)
    quoted = group != "plain"
    value = match[group] if quoted else _bare(match[group])
    end = start + len(value)
    link = match["link"].strip(" \t")
    if _is_no_value(value) or ("," in link and not quoted):  # arguments
        return None
    if text[end : end + 1] in {"(", "["} or (text[start - 1].isascii() and text[start - 1].isalnum()):
        return None  # a call; "passport"
    option = text[max(0, match.start() - 2) : match.start()] == "--"
    assigned = option or link.endswith(("=", ":", "=>", ",", "-"))
    logit = -2.5 + 1.5 * assigned + 1.0 * quoted - 3.0 * (" " in value)
    logit -= 4.0 * (_CONSTANT.fullmatch(value) is not None)
    if match["secret"]:
        logit += _key(match["secret"], value, quoted=quoted)
    else:
        said = not assigned and _SAID.search(link) is not None
        logit += _password(match["password"], value, assigned=assigned, said=said, quoted=quoted)
        if value.isdigit() and (_COUNTED.match(text, end) or len(value) > _MOST_DIGITS):
            return None
    return Finding(
        start, end, "CREDENTIAL", probability(logit), ("word for it", f"{_shape(value)} kinds of character")
    )


_MOST_DIGITS = 12
_NEVER = -20.0


def _is_no_value(value: str) -> bool:
    """Whether it is too short, a placeholder, a variable, an address."""
    short = len(value) < _LEAST or "://" in value
    return short or _NOT_A_VALUE.match(value) is not None or _ATTRIBUTE.match(value) is not None


def _key(word: str, value: str, *, quoted: bool) -> float:
    """Logits of a value behind a word for keys."""
    if len(value) < _LEAST_KEY or not (quoted or any(map(str.isdigit, value))):
        return _NEVER
    logit = 1.0 * (not word.isascii()) + 1.5 * (len(value) >= _LONG_KEY)
    return logit + (1.2 if _shape(value) > 1 else -2.0)


_SAID = expression(r"(?:은요?|는요?|요[?]?|は|is|es|era|是)\Z")
_NUMBER_WORD = expression(r"(?i)pin|.* ?code\Z")  # behind these a number alone is one
_SIGN_WITHIN = expression(r"[A-Za-z0-9][@#$%^&*!][A-Za-z0-9]")


def _password(word: str, value: str, *, assigned: bool, said: bool, quoted: bool) -> float:
    """Logits of a value behind a word for passwords; `said`: "is", "은" stands between."""
    shape, digits = _shape(value), any(map(str.isdigit, value))
    korean = not word.isascii()
    if word.startswith("ㅂ") and (quoted or shape < 2 or value[0] in "\"'"):
        return _NEVER  # "bye bye"
    logit = 1.0 * korean
    if shape > 1:
        logit += 2.2 if digits or shape == 3 else 1.2 if assigned or "-" in value else -1.0
        if not digits and shape == 2 and (said or korean) and _SIGN_WITHIN.search(value):
            logit += 2.8 if said else 1.8
        logit += 1.0 * (said and digits and not korean)
    elif value.isdigit():
        number = (assigned or said) and _NUMBER_WORD.match(word)
        logit += 1.8 if korean else 3.0 if number else -3.0
    else:
        logit += 0.8 if quoted and assigned else -1.5
    if word.lower() in {"pass", "pw", "clave", "token"} and not (assigned or said):
        logit += 0.5 if shape == 3 else -1.5
    return logit


def _before_word(text: str, match: re.Match[str]) -> Finding | None:
    """A value before the word for it: "Zx9!abcd 이게 비번이야"."""
    start, end = match.span("value")
    value = match["value"]
    if _NOT_A_VALUE.match(value) or "://" in value or "@" in value[1:]:
        return None
    kinds = _shape(value)
    if kinds < 2 or not any(map(str.isdigit, value)) or not any(map(str.isalpha, value)):
        return None
    return Finding(start, end, "CREDENTIAL", 0.8 if kinds == 3 or match["this"] else 0.3, ("word behind",))


def _bare(value: str) -> str:
    """A value without quotes: up to what ends it in code, without the full stop of a sentence."""
    value = _ENDS.split(value, maxsplit=1)[0]
    return value if value.endswith("!") else value.rstrip(".,:;?)]}")


def _command(text: str, match: re.Match[str]) -> Finding | None:
    group = match.lastgroup or ""
    start, end = match.span(group)
    value = match[group]
    if value[0] in "'\"" and value[-1] == value[0]:
        start, end, value = start + 1, end - 1, value[1:-1]
    if _NOT_A_VALUE.match(value) or (group == "basic" and not _is_basic(value)):
        return None
    if group == "pem":
        end = start + len(value.rstrip("\\nr"))
    return Finding(start, end, "CREDENTIAL", 0.9, (f"command:{group}",))


def _is_basic(value: str) -> bool:
    """Whether it is base64 of "name:password" (RFC 7617)."""
    try:
        return b":" in b64decode(value, validate=True)
    except ValueError:
        return False


def _block(text: str, match: re.Match[str]) -> Finding | None:
    start = match.start("body")
    value = match["body"].rstrip()
    return (
        Finding(start, start + len(value), "CREDENTIAL", 0.95, ("private key",)) if len(value) >= 16 else None
    )


TOKEN = Detector(
    entities=("CREDENTIAL",),
    pattern=_KNOWN,
    weigh=_known,
    words=(
        *("akia", "asia", "github_pat_", "glpat-", "sk-", "aiza", "hf_", "npm_", "ya00.", "gocspx-", "eyj"),
        *("sg.", "dckr_pat_", "0:aa"),
        *spelt("gh", list("pousr"), "_"),
        *spelt("xox", list("abeoprs"), "-"),
        *spelt(list("srp"), ("k_test_", "k_live_")),
    ),
)
SECRET = Detector(
    entities=("CREDENTIAL",),
    pattern=_SET,
    weigh=_set,
    words=(
        *(
            "비밀번호",
            "비밀 번호",
            "비번",
            "암호",
            "ㅂㅂ",
            "ㅂㅁㅂㅎ",
            "방비 ",
            "방비:",
            "핀번호",
            "핀 번호",
            "pin",
        ),
        *(
            "pass",
            "senha",
            "보안코드",
            "보안 코드",
            "패스워드",
            "패스프레이즈",
            "密码",
            "密碼",
            "口令",
            "パス",
        ),
        *("暗証番号", "contrase", "clave", "mot de passe", "pwd", "pw", "secret", "token", "시크릿"),
        *("sessionid", "session_id", "session-id", "sessid", "accountkey", "account_key", "account-key"),
        *spelt(("door", "gate", "entry", "lock"), ("", " "), "code"),
        *spelt(
            (
                *("client", "app", "api", "aws", "access", "private", "auth", "bearer", "refresh", "service"),
                *("shared", "signing", "encryption", "consumer", "bot", "hf", "npm", "jwt", "session"),
            ),
            ("", "_", "-", ".", " "),
            "key",
        ),
        *spelt(("api", "app", "앱", "비밀", "인증", "액세스", "개인"), ("", " "), ("키", "토큰")),
        *spelt(("구글", "카카오", "네이버"), ("", " "), "키"),
    ),
)
COMMAND = Detector(
    entities=("CREDENTIAL",),
    pattern=_COMMAND,
    weigh=_command,
    words=(
        *("@", " -p", " -u", " -a", " --user", "basic ", "bearer ", "private key-----", "net user "),
        "hooks.slack.com/",
        *spelt(("password", "passwd", "pwd", "secret"), ('" ', "' ", ">")),
        *spelt(list("/|,"), ("", " "), ("비번", "비밀번호", "암호", "패스워드", "pw", "password")),
    ),
)
BLOCK = Detector(
    entities=("CREDENTIAL",),
    pattern=_BLOCK,
    weigh=_block,
    words=("private key-----",),
    lines=115,
)
_THIS = "(?P<this>이게|이거|요게|요거|가|이)"
_WORD_BEHIND = "(?:비번|비밀번호|암호|패스워드)"
BEFORE_WORD = Detector(
    entities=("CREDENTIAL",),
    pattern=expression(
        rf"(?<![!-~])(?P<value>[!-~]{{5,40}})[ ]?{_THIS}[ ]?[가-힣]{{0,4}}[ ]?"
        rf"{_WORD_BEHIND}(?=이야|이에|예요|임|입|로|인데|니|요|$)"
    ),
    weigh=_before_word,
    words=("비번", "비밀번호", "암호", "패스워드"),
    also=("이게", "이거", "요게", "요거", "가", "이"),
)
CREDENTIALS = (TOKEN, SECRET, COMMAND, BLOCK, BEFORE_WORD)
