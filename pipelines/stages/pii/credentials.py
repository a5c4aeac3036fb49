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

_ISSUED = (
    r"(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|"
    r"glpat-[A-Za-z0-9_\-]{16,}|"
    r"sk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_\-]{20,}|xox[abeoprs]-[A-Za-z0-9\-]{10,}|AIza[0-9A-Za-z_\-]{30,}|"
    r"[srp]k_(?:test|live)_[A-Za-z0-9]{10,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{20,}|"
    r"ya29\.[A-Za-z0-9_\-]{16,}|GOCSPX-[A-Za-z0-9_\-]{16,}|"
    r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}|"
    r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}|dckr_pat_[A-Za-z0-9_\-]{16,}"
)
_KNOWN = re.compile(rf"(?<![A-Za-z0-9_])(?:{_ISSUED})(?![A-Za-z0-9_])")
_WORD = (
    r"비밀번호|비번|암호|핀[ ]?번호|PIN(?:[ ]?(?:번호|code|number))?|pass[ ]?code|"
    r"senha|パス|보안[ ]?코드|"
    r"패스워드|비밀[ ]?번호|패스프레이즈|密码|密碼|口令|パスワード|暗証番号|contraseñas?|"
    r"clave|mot de passe|passw(?:or)?d|passphrase|passwort|pwd|pw|pass"
)
_KEY_WORD = (
    r"(?:client|app|api|aws|secret|access|private|auth|bearer|refresh|service|shared|signing|encryption|"
    r"consumer|bot|hf|npm|jwt|session)[_\-. ]?"
    r"(?:access[_\-. ]?)?(?:secret|key|token)s?(?:[_\-. ]?(?:key|id|secret))?|secret|token|"
    r"(?:REST[ ]?)?(?:API|app|앱|시크릿|비밀|인증|액세스|개인)[ ]?(?:키|토큰)|시크릿|(?:구글|카카오|"
    r"네이버)[ ]?키"
)
_GAP = r"[ \t]{0,3}"
_VERB = r"(?:는요?|은요?|가|이|を|は|is|era|es|就是|是)?"
_LINK = rf"[\"']?{_GAP}{_VERB}{_GAP}(?::=|=>|=|:)?{_GAP}(?:임시[ ]?)?"
_VALUE = r"(?:\"(?P<dq>[^\"\n]{4,120})\"|'(?P<sq>[^'\n]{4,120})'|(?P<plain>[!-~]{4,160}))"
# A word for it begins a word, or a part of one: dbPassword, PGPASSWORD, spring.datasource.password.
_START = (
    r"(?:(?<![A-Za-z])|(?<=[a-z])(?<!publickey)(?-i:(?=Pass|Secret|Token|Pwd))|(?<=[A-Z])(?-i:(?=PASSWORD|SECRET|TOKEN|"
    r"PWD)))"
)
_SET = re.compile(
    (
        rf"{_START}(?:(?P<password>{_WORD})|"
        rf"(?P<secret>{_KEY_WORD}))(?P<link>{_LINK}){_VALUE}"
    ),
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"://[^\s/:@\"']{0,60}:(?P<url>[^\s/@\"'$<{*]{3,80})@(?=[A-Za-z0-9\[])|"
    r"(?:mysql|mysqldump|mariadb|sshpass|mongo|psql)[^\n]{0,60}?[ ]-p[ ]?(?P<cli>'[^'\n]{4,60}'|"
    r"\"[^\"\n]{4,60}\"|[^\s'\"$<]{4,60})|"
    r"(?:curl|wget|http)[^\n]{0,80}?[ ](?:-u|--user)[ ]?[\"']?[^\s:\"']{1,40}:(?P<user>[^\s\"'$<{]{3,60})|"
    r"Basic[ ](?P<basic>[A-Za-z0-9+/]{12,}={0,2})|Bearer[ ](?P<bearer>[A-Za-z0-9_\-.~+/]{16,}={0,2})|"
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:\\r|\\n|[ ])*(?P<pem>[A-Za-z0-9+/=\\]{16,})"
)
_BLOCK = re.compile(  # RFC 7468; a key of 8,192 bits has 6,400 characters
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[ ]*\r?\n(?:[A-Za-z][A-Za-z0-9-]*:[^\n]{0,120}\n){0,3}\s*"
    r"(?P<body>(?:[A-Za-z0-9+/=]{1,76}[ ]*\r?\n?){1,110})"
)
_NOT_A_VALUE = re.compile(
    r"(?ix)\A(?: [*•●xX#._?\-]{3,} | <.*>? | \$.* | %\w+%? | \{.* | \[.* | \(.* | [|&;].* |(?:os|process|"
    r"env|request|config|settings|self|this|ctx|params|args|props|user|data|form|"
    r"req|app|var|local|module|secrets|vault|System|Environment)[.\[(:].* |"
    r"(?:your|my|the|a|an|new|old|enter|insert|replace|change|example|sample|dummy|test|null|none|nil|true|"
    r"false|undefined|string|str|int|bool|text|varchar|required|optional|default|value|"
    r"password|passwd|secret|token|key|file|field|input|hash|hidden|empty|is|must|should|and|or|for|to|in|"
    r"of|not|with)(?![a-z0-9!@\#$%^&*]).* | YOUR.* | .*\(.*\)?;?)\Z"
)
_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*(?:\.|\Z)")
_CONSTANT = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)+")
_ENDS = re.compile(r"[\"'`<>,;)\]}|&\\](?![A-Za-z0-9!@#$%^&*]*[0-9])|[\"'`<>,;|\\]")
_LEAST, _LEAST_KEY, _LONG_KEY = 4, 12, 20  # characters of a password, of a key
_COUNTED = re.compile(r"[ ]?(?:자리|자|회|번|개|글자|분|초|일|회차|차|년|월|원|명|~|-|이상|이하|단계)")


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
    value = match[group] if group != "plain" else _bare(match[group])
    end = start + len(value)
    if len(value) < _LEAST or _NOT_A_VALUE.match(value) or _ATTRIBUTE.match(value) or "://" in value:
        return None
    if text[end : end + 1] in {"(", "["} or (text[start - 1].isascii() and text[start - 1].isalnum()):
        return None  # a call; "passport"
    word = match["password"] or match["secret"]
    assigned = match["link"].rstrip(" \t").endswith(("=", ":", "=>"))
    digits = any(map(str.isdigit, value))
    shape = _shape(value)
    logit = -2.5
    logit += 1.5 * assigned + 1.0 * (group != "plain") + 1.0 * (not word.isascii()) - 3.0 * (" " in value)
    logit -= 4.0 * (_CONSTANT.fullmatch(value) is not None)
    if match["secret"]:
        if len(value) < _LEAST_KEY or not (digits or group != "plain"):
            return None
        logit += 1.5 * (len(value) >= _LONG_KEY) + (1.2 if shape > 1 else -2.0)
    elif shape > 1:
        logit += 2.2 if digits or shape == 3 else 1.2 if assigned or "-" in value else -1.0
    elif value.isdigit():
        logit += 1.8 if not word.isascii() and not _COUNTED.match(text, end) and end - start <= 12 else -3.0
    else:
        logit += 0.8 if group != "plain" and assigned else -1.5
    if word.lower() in {"pass", "pw", "clave", "token"} and not assigned:
        logit += 0.5 if shape == 3 else -1.5
    return Finding(
        start, end, "CREDENTIAL", probability(logit), ("word for it", f"{shape} kinds of character")
    )


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
        *("sg.", "dckr_pat_"),
        *spelt("gh", list("pousr"), "_"),
        *spelt("xox", list("abeoprs"), "-"),
        *spelt(list("sr"), ("k_test_", "k_live_")),
    ),
)
SECRET = Detector(
    entities=("CREDENTIAL",),
    pattern=_SET,
    weigh=_set,
    words=(
        *("비밀번호", "비밀 번호", "비번", "암호", "핀번호", "핀 번호", "pin", "pass", "senha", "보안코드"),
        *("보안 코드", "패스워드", "패스프레이즈", "密码", "密碼", "口令", "パス", "暗証番号", "contrase"),
        *("clave", "mot de passe", "pwd", "pw", "secret", "token", "시크릿"),
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
    words=("@", " -p", " -u", " --user", "basic ", "bearer ", "private key-----"),
)
BLOCK = Detector(
    entities=("CREDENTIAL",),
    pattern=_BLOCK,
    weigh=_block,
    words=("private key-----",),
    lines=115,
)
CREDENTIALS = (TOKEN, SECRET, COMMAND)
