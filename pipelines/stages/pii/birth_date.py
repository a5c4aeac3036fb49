"""Dates of birth: a date is one only with a word of birth before or behind it, on its line.

A span is the date alone: no particle, no trailing 생. Dates that the calendar does not have are passed over.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.checks import LATEST_BIRTH_YEAR, is_date
from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, heading, line_from, probability
from pipelines.stages.pii.expression import expression

_REACH = 24
_S = r"[ \t]{0,2}"
_MONTH = r"(?i:(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6})"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SPANISH = r"(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)"
_YEAR = r"(?:19|20)[0-9]{2}"
_TO = r"(?:st|nd|rd|th)?"
_LUNAR = rf"(?:윤|음력{_S}|양력{_S})?"
_FORMS = (  # y, m, d and the number of the form; 4, 9, 10 and 13 are weak ones (_WEAK)
    (
        rf"(?P<y1>{_YEAR}|['’]?[0-9]{{2}})(?:년[생도]?|"
        rf"年){_S}{_LUNAR}(?P<m1>[0-9]{{1,2}})[월月]{_S}(?P<d1>[0-9]{{1,2}})[일日]"
    ),
    rf"(?P<y2>{_YEAR}|"
    rf"['’]?[0-9]{{2}}){_S}[-./]{_S}(?P<m2>[0-9]{{1,2}}){_S}[-./]{_S}(?P<d2>[0-9]{{1,2}})(?![0-9])"
    r"(?:\.(?![0-9가-힣A-Za-z])|\.(?=생))?",
    rf"(?P<y3>{_YEAR})(?P<m3>0[1-9]|1[0-2])(?P<d3>[0-3][0-9])(?![0-9])",
    r"(?P<y4>[0-9]{2})(?P<m4>0[1-9]|1[0-2])(?P<d4>[0-3][0-9])(?![0-9]|-[0-9*])",
    rf"(?P<d5>[0-9]{{1,2}})[-./](?P<m5>[0-9]{{1,2}})[-./](?P<y5>{_YEAR})(?![0-9])",
    rf"(?P<d6>[0-9]{{1,2}}){_TO}[ ](?P<m6>{_MONTH})\.?,?[ ](?P<y6>{_YEAR})(?![0-9])",
    rf"(?P<d7>[0-9]{{1,2}})[ ]de[ ](?P<m7>{_SPANISH})(?:[ ]del?[ ](?P<y7>{_YEAR})(?![0-9]))?",
    rf"{_LUNAR}(?P<m9>[0-9]{{1,2}})[월月]{_S}(?P<d9>[0-9]{{1,2}})[일日]",
    rf"(?P<y10>{_YEAR})년생",
    r"(?P<y11>(?:19|20)?[0-9]{2})년[ ]?(?P<m11>[0-9]{1,2})월(?=생(?!산|일|명|활|방|존))",
    r"(?P<y14>(?:19|20)?[0-9]{2})[ ](?P<m14>0[1-9]|1[0-2])[ ](?P<d14>[0-3][0-9])(?![0-9]|[ -][0-9])",
    r"(?P<m13>0?[1-9]|1[0-2])[/.](?P<d13>[0-3]?[0-9])(?![0-9./%]|-[0-9])",
    r"(?P<m18>0[1-9]|1[0-2])(?P<d18>[0-3][0-9])(?![0-9:.%]|[ ]?[년원점개명번자]|-[0-9])",
    rf"(?:(?<=단기)|"
    rf"(?<=단기[ ]))(?P<y17>4[23][0-9]{{2}})년{_S}{_LUNAR}(?P<m17>[0-9]{{1,2}})월{_S}(?P<d17>[0-9]{{1,2}})일",
)
_ERA = r"(?:明治|大正|昭和|平成|令和)"
_IN_WORDS = (  # months and days of the lunar calendar, and their like, as words
    r"(?P<m15>정월|[이삼사오유육칠팔구시]월|십[일이]월|동짓달|섣달)[ ]?"
    r"(?P<d15>초(?:하루|이틀|사흘|나흘|닷새|엿새|이레|여드레|아흐레|열흘)|초?[일이삼사오육칠팔구십]{1,3}일|"
    r"(?:대)?보름|그믐)"
)
_PATTERN = expression(
    rf"(?<![0-9])(?<![0-9][-./])(?:{'|'.join(_FORMS)})"
    rf"|{_ERA}(?P<y16>[0-9]{{1,2}}|元)年(?P<m16>[0-9]{{1,2}})月(?P<d16>[0-9]{{1,2}})日"
    rf"|(?<![가-힣])(?:음력[ ])?{_IN_WORDS}"
    r"|(?<![가-힣])(?P<y12>(?:천구백|이천)[가-힣]{0,5}|일구[공영일이삼사오육칠팔구]{2}|"
    r"이[공영][공영일이][공영일이삼사오육칠팔구]|"
    r"[육칠팔구]?십[일이삼사오육칠팔구]?|"
    r"[공영일이삼사오육칠팔구]{2})년[ ]?(?P<m12>[일이삼사오유육칠팔구시십]{1,2})월[ ]?"
    r"(?P<d12>[일이삼사오육칠팔구십]{1,4})일"
    rf"|(?<![A-Za-z])(?P<m8>{_MONTH})\.?[ ](?P<d8>[0-9]{{1,2}})"
    rf"{_TO}(?:,?[ ](?P<y8>{_YEAR})(?![0-9])|(?![0-9]))"
)
_WHOLE_DATE = expression(  # with all digits of the year, as columns hold it
    rf"(?<![0-9])(?<![0-9][-./])(?:{'|'.join(_FORMS[:3])})".replace(rf"{_YEAR}|[0-9]{{2}}", _YEAR)
)
_WEAK = {
    "4": ("six digits", -5.0),
    "9": ("no year", -4.2),
    "10": ("year alone", -4.5),
    "3": ("eight digits", -4.0),
    "13": ("no year", -4.2),
    "14": ("parted by blanks", -4.5),
    "18": ("four digits", -4.8),
}
BIRTH = expression(
    r"생년월일|ㅅㄴㅇㅇ|생년(?=[ :=은는])|(?<![가-힣])(?:사주(?:팔자)?|궁합|신점|운세)(?=[ :은는를이로])|"
    r"생[ \t]?년[ \t]?월[ \t]?일|(?<!발)생일|생신|탄생일|"
    r"출생(?![ ]?(?:신고|지|률|아|아수|등록|통계))(?:일자?|[ ]?년월일|[ ]?연월일)?|"
    r"태어|(?<![가-힣])호적(?=[은상에])|민증상|출산일|(?<![가-힣])[건곤]명(?=[ :])|"
    r"(?<![가-힣])앞[ ]?자리(?=[은는가]?[ :]{0,2}[0-9]{6}(?![0-9]))|(?:주민(?:등록)?(?:번호)?|주번|민번|"
    r"민증)[ \t]?앞|귀빠진|"
    r"(?<![A-Za-z])(?:D\.?O\.?B\.?|b-?day|birth(?!day (?:cake|party)| ?place| rate)[a-z_ ]{0,9}|"
    r"born)(?![a-z])|"
    r"(?-i:(?<=[a-z])Birth(?:[Dd]a(?:te|y)|Dt)?(?![a-z]))|"
    r"出生|生年月日|生日|[誕诞]生日|nacimiento|nacid[oa]|nac[ií][óo]?(?![a-z])|cumplea|fecha de nac",
    re.IGNORECASE,
)
_BEHIND = expression(
    r"[ \t]?(?:に|于|在)?(?:出生|生まれ|生)|"
    r"[ ](?:오전|오후|새벽|아침|저녁|밤|낮)?[ ]?[0-9]{1,2}시[ ]?(?:[0-9]{1,2}분|반)?[ ]?(?:생(?![가-힣]{2})|"
    r"출생|에?[ ]?태어)|"
    r"[ ]?\(?(?:여자?|남자?|여성|남성)\)?[ ,]{0,2}(?:양력|음력)|"
    r"[ \t]?생(?!산|명|활|성|선|각|일[ \t]?(?:파티|케이크)|방|존|겼|긴|기|애|물|수|[ ]?중계|맥)|"
    r"[ ](?:여자|남자|여성|남성)(?![가-힣])|"
    r"[ ]?\(?[남여](?:자|성)?\)?(?![가-힣])[^\n]{0,24}(?:궁합|사주|운세|신점)|"
    r"(?:에)?[ ]낳[았은음]|[ ]?\((?:음|양)\)|"
    r"(?:[ \t][가-힣]{1,8}){0,2}[ \t]?출생(?!률|신고|[ ]?통계)|"
    r"(?:(?![0-9]+[년월일])[^.\n]){0,32}태어[났나난]|[ \t]?\(?(?:음력|양력)|[ \t]?(?:이|은|는)?[ \t]?(?:제|"
    r"내|우리)?[^.\n0-9]{0,8}(?:생일|생신)(?![ \t]?(?:케이크|파티|선물))|"
    r"[ \t]?(?:,[ ])?born|"
    r"[ ]?\((?:당시[ ]?|만[ ]?|현재[ ]?)?[0-9]{1,3}[세살]\)|[ ]?[~∼-][ ]?\)"
)
# Of a horoscope: "양력" before, an hour or the sex behind.
_CALENDAR_BEFORE = expression(r"(?:(?:양력|음력)(?:으로)?[ :]{0,2}|(?<![가-힣])[음양][ ])\Z")
_HOUR_BEHIND = expression(
    r"[ ,]{0,2}(?:\(?[자축인묘진사오미신유술해]시|(?:오전|오후|새벽|아침|저녁|밤|낮)[ ]?[0-9]{1,2}시|"
    r"[0-9]{1,2}시|[0-9]{1,2}:[0-9]{2}|"
    r"시간[ ]?(?:모름|몰라)|\(?(?:여자?|남자?|여성|남성)(?![가-힣]))"
)
_SEX_AND_LOVE = expression(r"(?:궁합|사주)[^\n]{0,20}(?:남자?|여자?|신랑|신부)[ :]{0,2}\Z")
_BRIDE = expression(r"(?<![가-힣])(?:신랑|신부|예비신랑|예비신부)[ :(]{1,2}\Z")
# Of a profile: what stands beside a day, between slashes: "F / 1966-09-30 / 58세", "... / 165cm".
_PROFILE_BEHIND = expression(
    r"[ ]?[/,|·][ ]?(?:만[ ]?)?(?:[0-9]{1,3}[세살]|1[3-9][0-9][ ]?cm|(?:AB|[ABO])형)|"
    r"[ ]?\(만[ ]?[0-9]{1,3}[세살]?\)"
)
_CHAIN = expression(  # of two dates behind one word
    r"[^0-9\n]{0,10}(?:(?:19|20)?[0-9]{2}[-./년][ ]?[0-9]{1,2}[-./월][ ]?[0-9]{1,2}[일.]?|[0-9]{6}|[0-9]{8})"
    r"(?:[ ]?[,/·&][ ]?|(?:생)?(?:이?고|와|과|,)?[ ](?:및[ ]|[가-힣]{1,4}[은는][ ]|[가-힣]{2}[ ]?[:)]?[ ])?)"
)
_AGE_BEFORE = expression(r"(?:만[ ]?)?[0-9]{1,3}[세살][ ]?[(,][ ]?\Z")
_OTHER = expression(
    r"(?:개정|시행|설립|접수|입사|발행|발급|유효|만료|창립|작성|처리|예약|제조|생산|등록|가입|검진|진료|"
    r"방문|신청|배송|케이크|파티|선물|이벤트)"
    r"(?!번호)[가-힣]{0,3}[ \t:]{0,3}\Z"
)
_FORMAT_BEHIND = expression(r"[ ]?(?:\)?[ ]?(?:형식|형태|처럼|양식|같은)|과[ ]같이|와[ ]같이)")
_AFFAIR = expression("잔치|파티|선물|이벤트|케이크|쿠폰|통계|신고|기념|행사|축하|모임|예약|party|gift")
_LENGTH = expression(r"\([^()\n]{0,12}\)|[68][ ]?자리|(?:YY)?YYMMDD")  # "생년월일(8자리)"
_RIGHT_BEHIND = expression(r"[은는이가도]?[ \t:=]{0,3}")
_SEX_BEFORE = expression(
    r"(?:\([MF남여][,/]|(?<![A-Za-z가-힣])(?:[MF]|[남여][자성]?)[ ]?[/|])[ ]?\Z"
)  # "환자 ...(M/1958-11-04)"


def _birth_date(text: str, match: re.Match[str]) -> Finding | None:  # noqa: PLR0912
    start, end = match.span()
    number = next(name[1:] for name, value in match.groupdict().items() if value and name[0] in "yd")
    year, month, day = (match.groupdict().get(f"{part}{number}") for part in "ymd")
    if not _in_calendar(year, month, day):
        return None
    form, logit = _WEAK.get(number, ("date", -3.0) if year or number == "12" else ("no year", -4.2))
    if number == "2" and len((year or "").lstrip("'’")) == 2 and int(month or 0) > 12:
        return None
    before = text[line_from(text, start, _REACH) : start]
    cue = None
    for cue in BIRTH.finditer(before):  # noqa: B007 (the last one)
        pass
    if number in {"13", "18"} and (cue is None or not _RIGHT_BEHIND.fullmatch(before[cue.end() :])):
        return None
    behind, sex = _BEHIND.match(text, end), _SEX_BEFORE.search(before)
    bride = _BRIDE.search(before) if year else None
    if sex is None and year:
        sex = _PROFILE_BEHIND.match(text, end)
    if sex is None and year:
        sex = _SEX_AND_LOVE.search(before) or _AGE_BEFORE.search(before)
        if sex is None and _HOUR_BEHIND.match(text, end):
            sex = _CALENDAR_BEFORE.search(before)
    if cue is None and behind is None and sex is None and bride is None:
        return None
    signs = [form]
    if cue is not None:
        between = before[cue.end() :]
        digits = sum(character.isdigit() for character in _LENGTH.sub("", between))
        chained = digits > 0 and bool(year) and _CHAIN.fullmatch(between) is not None
        logit += 5.5 if digits == 0 or chained else 1.0 if digits <= 8 else 0.0
        logit -= 1.5 if len(between) > 12 else 0.0
        signs.append("cue:birth")
    if behind is not None:
        logit += 5.0 if form != "year alone" else 0.0
        signs.append("cue after:birth")
    if bride is not None:
        logit += 5.5
        signs.append("bride or groom")
    if sex is not None:
        logit += 4.0
        signs.append("after a person's sex")
    born = behind is not None and behind[0].strip() in {"생", "출생"} and bool(year)
    if (_OTHER.search(before) and not born) or (cue is not None and _AFFAIR.search(before, cue.end())):
        logit -= 4.0
        signs.append("other cue:date")
    if _FORMAT_BEHIND.match(text, end):
        logit -= 4.0
    if number == "2" and text[end : end + 1].isdigit():
        return None
    return Finding(start, end, "DATE_OF_BIRTH", probability(logit), tuple(signs))


def _in_column(text: str, match: re.Match[str]) -> Finding | None:
    """A date in a column of a table whose heading says so."""
    start, end = match.span()
    number = next(name[1:] for name, value in match.groupdict().items() if value and name[0] in "yd")
    year, month, day = (match.groupdict().get(f"{part}{number}") for part in "ymd")
    if number not in {"1", "2", "3"} or len(year or "") < 4 or not _in_calendar(year, month, day):
        return None
    if number == "2" and sum(map(str.isdigit, match[0])) < 7:  # the gate's digits
        return None
    column = heading(text, start)
    if column is None or not BIRTH.search(column):
        return None
    return Finding(start, end, "DATE_OF_BIRTH", 0.9, ("heading:birth",))


def day_at(text: str, start: int) -> int | None:
    """The end of the date of the calendar that begins there, or None."""
    match = _PATTERN.match(text, start)
    if match is None:
        return None
    number = next(name[1:] for name, part in match.groupdict().items() if part and name[0] in "yd")
    parts = (match.groupdict().get(f"{part}{number}") for part in "ymd")
    return match.end() if number != "10" and _in_calendar(*parts) else None


def date_parts(value: str) -> dict[str, tuple[int, int]]:
    """Where year, month and day ("y", "m", "d") of a date stand in it; those that it has.

    Some forms are told by what stands around them, which is no part of the value.
    """
    for before, behind in (("", ""), ("", "생"), ("단기 ", "")):
        at = len(before)
        if match := _PATTERN.match(f"{before}{value}{behind}", at):
            names = [name for name in match.re.groupindex if match[name] is not None]
            return {name[0]: (match.start(name) - at, match.end(name) - at) for name in names}
    return {}


def _in_calendar(year: str | None, month: str | None, day: str | None) -> bool:
    """Whether it is a day, of a leap year where no year is said, not after LATEST_BIRTH_YEAR."""
    if month is None or day is None:
        return year is not None and (month is None or 1 <= int(month) <= 12)
    if "가" <= month[0] <= "힣":
        return True  # spelled out
    if year is not None and (
        year[0] == "元" or len(year.lstrip("'’")) == 1 or int(year.lstrip("'’")) > _ERA_YEARS
    ):
        return is_date(2000, int(month), int(day))  # of an era
    year = None if year is None else year.lstrip("'’")
    number = int(month) if month.isdigit() else _month_number(month)
    full = 2000 if year is None else int(year) if len(year) == 4 else 1900 + int(year)
    if year is not None and len(year) == 2 and int(year) % 4 == 0:
        full = 2000
    return full <= LATEST_BIRTH_YEAR and (is_date(full, number, int(day)) or is_date(full, int(day), number))


def _month_number(name: str) -> int:
    spanish = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
    key = name[:3].lower()
    return 1 + (_MONTHS.index(key) if key in _MONTHS else spanish.index(key))


_ERA_YEARS = 4_000  # 단기: years since 2333 BC
_BLANK = ("", " ", "\t")
BIRTH_DATE = Detector(
    entities=("DATE_OF_BIRTH",),
    pattern=_PATTERN,
    weigh=_birth_date,
    words=(
        *spelt("생", _BLANK, "년"),
        *(
            "호적",
            "민증상",
            "출산일",
            "건명",
            "곤명",
            "낳",
            "신랑",
            "신부",
            "앞자리",
            "앞 자리",
            "bday",
            "b-day",
        ),
        *spelt(("음", "양"), " 00"),
        *spelt(tuple("/,|·"), ("", " "), ("", "만", "만 "), ("0", "00", "000"), ("세", "살")),
        *spelt(("000",), ("", " "), ("cm",)),
        *spelt(tuple("/,|·"), ("", " "), tuple("abo"), ("형", "b형")),
        *spelt("(", ("음", "양"), ")"),
        *spelt(("남", "여"), ("", "자", "성"), ("", " "), tuple("/|")),
        *spelt(tuple("mf"), ("", " "), tuple("/|")),
        *("(만", "(만 "),
        *(
            "ㅅㄴㅇㅇ",
            "사주",
            "궁합",
            "신점",
            "운세",
            *spelt("0", ("", "일"), " ", ("여", "남"), ("자", "성")),
            "분생",
            "분 생",
            "시생",
            "시 생",
            "반생",
        ),
        *("생일", "생신", "출생", "태어", "귀빠진", "음력", "양력", "出生", "生年月日", "生日", "生まれ"),
        *spelt(("번호", "주민", "민번", "민증", "주번"), _BLANK, "앞"),
        *spelt(("세", "살"), ("", " "), ("(", ",")),
        *spelt("(", ("", "당시", "만", "현재"), ("", " "), ("0", "00", "000"), ("세)", "살)")),
        *spelt(list("~∼-"), ("", " "), ")"),
        "nací",
        *("naci", "cumplea", "fecha de nac", "birth", "born", "dob", "d.ob", "do.b", "d.o.b"),
        *spelt(list("0일日월."), _BLANK, "생"),
        *spelt(list("0일日월."), _BLANK, ("", "に", "于", "在"), "生"),
        *spelt("(", list("mf남여"), list(",/")),
    ),
)
BIRTH_COLUMN = Detector(
    entities=("DATE_OF_BIRTH",),
    pattern=_WHOLE_DATE,
    weigh=_in_column,
    words=("|", ",", "\t"),
    also=("0000",),
    digits=6,
)
