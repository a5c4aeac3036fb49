"""Postal addresses: by road name and by lot, down to building, floor and unit; apartments; English forms.

Road Name Address Act, Art. 2 and Enforcement Decree (building number, detached number, unit); lot addresses.
A span is the whole address, from the region to the unit and the reference in brackets, without a particle.
The pattern finds an anchor only (a road or place name with its number, a unit); the address around it is
read from a bounded piece of the line, so the cost of a line is a multiple of its anchors.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector, spelt
from pipelines.stages.pii.evidence import Finding, probability
from pipelines.stages.pii.expression import expression
from pipelines.stages.pii.regions import REGIONS

_LEFT, _RIGHT = 60, 90  # characters around an anchor: five names; a number, a building, a unit, a reference
_CUE_REACH = 24
_SP = "[ \t]{0,2}"
_REGION = (
    r"(?:서울(?:특별시|시)?|(?:부산|대구|인천|광주|대전|울산)(?:광역시|시)?|세종(?:특별자치시|시)?|경기도?|"
    r"강원(?:특별자치도|도)?|(?:충청|전라|경상)[남북]도|충[남북]|전[남북](?:특별자치도)?|경[남북]|"
    r"제주(?:특별자치도|도)?|(?:함경|평안)[남북]도|황해도)"
)
_CITY = r"(?:(?!다시|역시|잠시|즉시|표시|도시|친구|가구|요구|연구|누구)[가-힣]{1,5}[시군구])"
# The cities, as they are said without 시 before a district or a road.
_SHORT_CITY = (
    r"(?:수원|성남|고양|용인|부천|안산|안양|남양주|화성|평택|의정부|시흥|파주|광명|김포|군포|"
    r"이천|양주|오산|구리|안성|포천|"
    r"의왕|하남|여주|동두천|과천|춘천|원주|강릉|동해|태백|속초|삼척|청주|충주|제천|천안|공주|"
    r"보령|아산|서산|논산|계룡|당진|"
    r"전주|군산|익산|정읍|남원|김제|목포|여수|순천|나주|광양|포항|경주|김천|안동|구미|영주|"
    r"영천|상주|문경|경산|창원|진주|"
    r"통영|사천|김해|밀양|거제|양산|서귀포|일산|분당|판교|동탄|광교|위례|해운대|강남|서초|송파|강동|마포|"
    r"용산|성북|노원|도봉|강북|강서|"
    r"양천|구로|금천|영등포|동작|관악|광진|성동|동대문|중랑|은평|서대문|종로)(?=[ \t])"
)
_TOWN = r"(?:[가-힣]{1,5}[0-9]{0,2}(?:읍|면|동|가))"
# 중앙로, 도움6로, 마곡중앙8로; then 12번길, 77길, 9가길. A counter behind the number is no building.
_NO_COUNTER = (
    r"(?![0-9]|\.[0-9A-Z]|,[0-9]{3}(?![0-9]*호)|-[0-9]|가[ \t]?[0-9]|번?길|[가-하]?길(?![가-힣])|[ \t]?(?:년|"
    r"시간|"
    r"분(?![가-힣])|초(?![가-힣])|원(?!룸)|명|개(?!포)|회|%|"
    r"％|[kmc]?m(?![a-z])|배(?![가-힣])|위(?![가-힣])|호선|인분|가지|킬로|미터|페이지|퍼센트|렙|레벨)|"
    r"(?:월|일|시(?![가-힣])|번(?!지)|차|세|살|대(?![가-힣])|권|편|점|주(?![가-힣])|달|등|억|만|천|"
    r"단(?!지)|줄|쪽|마리|곳|박|판|"
    r"장(?![가-힣])|승|패|골|강|킬|[~∼]))"
)
_ROAD = (
    r"(?P<road>(?:[가-힣](?:[가-힣0-9·]{0,10}[가-힣0-9])?|[0-9][·.][0-9]{1,2})(?:로|길)|"
    r"[가-힣]{1,6}동(?=[ ]?[0-9]{1,3}번길)|[가-힣]{2,8}[ ][0-9]{1,3}(?:번[가-하안]?|[가-하안])?길)"
    rf"(?P<gil>{_SP}[0-9]{{1,4}}(?:-[0-9]{{1,3}}(?=번길))?(?:[ ]?번[가-하안]?|"
    rf"[가-하안])?길)?{_SP}(?:지하{_SP})?"
    rf"[0-9]{{1,5}}(?:-[0-9]{{1,4}})?(?P<road_lot>번지)?{_NO_COUNTER}"
)
_LOT = (
    r"(?P<lot>[가-힣][가-힣0-9]{0,6}(?:동|리|로[0-9]가|[0-9]가))[ \t]?(?P<hill>산[ \t]?)?"
    rf"[0-9]{{1,4}}(?P<minor>(?:-|의[ ]?)[0-9]{{1,4}})?(?P<parcel>번지)?{_NO_COUNTER}"
)
_HOUSE = (
    r"(?:아파트|오피스텔|빌라|맨션|주공|마을|자이|푸르지오|래미안|힐스테이트|아이파크|롯데캐슬|더샵|빌리지|"
    r"빌딩|타워|하우스|원룸|기숙사|연립|고시원|상가|캐슬|주상복합|팰리스|파크|스퀘어|힐즈|생활관|관사|맨숀|"
    r"빌|타운|레지던스|위브|베르디움|스위첸|하늘채|편한세상|주택|리버뷰|센트럴)"
)
_HOUSES = expression(_HOUSE)
_UNIT = (
    r"(?:(?:반)?지하(?:[ \t]?[0-9]{1,2}층)?(?![가-힣])|지층(?![가-힣])|옥탑(?:방)?|[Bb]?[0-9]{1,3}층|"
    r"제?[0-9]{1,4}동(?![가-힣])|"
    r"[가-하A-Z]동(?![가-힣])|제?[A-Z]?[0-9]{1,5}(?:-[0-9]{1,3})?호(?![가-힣]*(?:선|차))|[0-9]{1,2}단지|"
    r"[0-9]{1,2}차(?=[ \t][0-9])|[0-9][가나다라마바사아](?=[ \t][0-9]{2,4}호)|"
    r"[0-9]{1,2}통|[0-9]{1,2}반|#[0-9]{2,5}(?![0-9])|[0-9]{1,2}F(?![A-Za-z])|"
    r"B[0-9]{1,2}(?![A-Za-z0-9])|[가-하A-Z]-[0-9]{2,4}호?)"
)
_NO_NAME = (
    r"(?!(?:앞|옆|뒤|인근|소재|근처|건너|거주|위치|방면|구간|일대|외|및|또는|그리고|에서)(?![가-힣]{2}))"
)
_NAME = rf"{_NO_NAME}[가-힣A-Za-z][가-힣A-Za-z0-9·]{{1,14}}(?:(?<![에의로은는을를며고다서])|(?<=마을))"
_BUILDING = (
    rf"(?:{_NAME}(?:[ \t]{_NAME}){{0,2}}?(?:{_SP}{_UNIT}|[ \t][0-9]{{1,4}}-[0-9]{{1,5}}(?![0-9-])|"
    rf"(?<=청사)|(?<=[가-힣A-Za-z0-9]빌딩)|(?<=[가-힣A-Za-z0-9]타워)|(?<=[가-힣A-Za-z0-9]아파트)|"
    rf"(?<=[가-힣A-Za-z0-9]빌라)|(?<=[가-힣A-Za-z0-9]오피스텔)|(?<=[가-힣A-Za-z0-9]맨션)|"
    rf"(?<=[가-힣A-Za-z0-9]하우스)|(?<=[가-힣A-Za-z0-9]상가)|"
    rf"(?<=센터)(?![가-힣])))"
)
_REFERENCE = (
    r"(?:[ \t]?\((?:[가-힣0-9]{1,7}[동리가읍면](?:,[ \t]?[가-힣A-Za-z0-9 ]{2,20})?|[가-힣A-Za-z0-9 ]{1,16}"
)
_REFERENCE += _HOUSE + r"(?:[ \t]?[가-힣0-9 ]{1,12})?)\))"
_COMMA = r"(?:[ \t]?,[ \t]?|[ \t]{1,2})"
_BLOCK_AND_UNIT = rf"{_COMMA}[1-9][0-9]{{2}}-[0-9]{{3,4}}호?(?![0-9-])"
_TAIL = rf"(?P<tail>(?:{_COMMA}?(?:{_UNIT})|{_BLOCK_AND_UNIT}|{_COMMA}{_BUILDING}|{_REFERENCE}){{0,6}})"
_APARTMENT = (
    rf"(?:(?P<house>(?:[가-힣A-Za-z0-9]{{1,12}}(?:[ ][0-9]{{1,2}}차[ ]?)?|"
    rf"(?!우리|저희|택배|배달|배송|주소|여기|거기|현재|혹시|"
    rf"이번)[가-힣]{{2,8}}(?<![에의로은는을를며고다서이가도요만])[ ]){_HOUSE})[ \t]?"
    rf"(?P<units>(?:{_UNIT})(?:[ \t]?(?:{_UNIT})){{0,3}}|[0-9]{{2,4}}-[0-9]{{3,4}}(?![0-9-]))|"
    rf"(?P<other_house>(?:{_NAME}[ \t]?)?)"
    rf"(?P<blocks>[0-9]{{1,4}}동[ \t,]{{0,2}}[0-9]{{2,5}}호(?![가-힣]*(?:선|"
    rf""
    rf"차|실))))"
)
_FRONT = (
    rf"(?:(?P<region>{_REGION}){_SP})?(?P<city>(?:{_SHORT_CITY}[ \t])?(?:{_CITY}{_SP}){{1,3}}|"
    rf"{_SHORT_CITY}[ \t])?(?P<town>(?:{_TOWN}{_SP}){{1,2}})?"
)
_KOREAN = expression(
    rf"(?:(?<![가-힣])|(?={_REGION}[ \t]?{_CITY}))(?:{_FRONT}(?:{_ROAD}|{_LOT}){_TAIL}|"
    rf"{_FRONT.replace('?P<', '?P<a_')}{_APARTMENT})"
)
# A house of no known kind, or of several words, behind its district and town.
_NAMED = expression(
    rf"(?<![가-힣])(?:{_REGION}{_SP})?(?:(?:{_SHORT_CITY}[ \t])?(?:{_CITY}{_SP}){{1,3}}|{_SHORT_CITY}[ \t])"
    rf"(?:{_TOWN}[ \t]){{1,2}}(?:[가-힣A-Za-z][가-힣A-Za-z0-9·]{{0,14}}[ \t]?){{1,3}}"
    rf"(?:[0-9]{{1,2}}(?:단지|차)[ \t]?)?(?:{_UNIT}[ \t,]{{0,2}}){{0,1}}(?:{_UNIT})\Z"
)
_NUMBER = r"[0-9]{1,5}(?:-[0-9]{1,4})?"
_PLACE = (
    r"[A-Z][A-Za-z-]*(?:-(?:gun|gu|si|dong|do|eup|myeon|ri)(?![a-z]))|Seoul|Busan|Daegu|Incheon|Gwangju|"
    r"Daejeon|"
    r"Ulsan|Sejong"
)
_ENGLISH_UNIT = (
    r"(?:(?:Apt\.?|Unit|Room|Rm\.?|Suite|No\.?)[ ]?)?#?[0-9A-Z]{0,2}[0-9]{1,5}(?:-[0-9]{1,5})?(?:-?(?:dong|"
    r"ho|F|fl))?"
)
_ENGLISH_ROAD = r"[A-Z][A-Za-z0-9-]*-(?:ro|gil|daero)(?:[ ]?[0-9]{1,4}(?:beon)?-?gil)?"
_ENGLISH = expression(
    rf"(?<![A-Za-z0-9])(?:(?:{_ENGLISH_UNIT},?[ ]){{0,3}}(?:(?:Apt\.?|Unit|Room|Rm\.?|Suite|No\.?)[ ]?#?)?"
    rf"{_NUMBER},?[ ]{_ENGLISH_ROAD}"
    rf"(?:[ ]{_NUMBER})?(?:,?[ ](?:{_PLACE}))+|"
    rf"{_ENGLISH_ROAD}[ ]{_NUMBER}(?:,?[ ](?:{_PLACE}))+|"
    rf"(?:(?:{_PLACE}),?[ ]){{1,4}}{_ENGLISH_ROAD}[ ]{_NUMBER}|"
    rf"(?:{_ENGLISH_UNIT},?[ ]){{0,3}}{_NUMBER}(?:[ ][A-Z][A-Za-z]+){{0,2}},?[ ][A-Z][A-Za-z]*(?:-dong|"
    rf"-ri)(?:,?[ ](?:{_PLACE}))+)"
    r"(?:,?[ ](?:(?:South[ ]|Republic[ ]of[ ])?Korea|R\.?O\.?K\.?))?"
)
_CUE = expression(
    r"주소|배송|소재|거주|사는[ ]?곳|본적|등록기준지|주거|사업장|근무|접수처|제출처|발송|집은|집이|이사|"
    r"수령|배달|택배|우리[ ]?집|저희[ ]?집|살아|살고|거처|보내|가[ ]?주세요|와[ ]?주세요|사용본거지|장소|"
    r"매물|물건|주택|주민등록지|회사는|가게|자택|본가|"
    r"\baddress|ship to|deliver|live[sd]? (?:at|in)",
    re.IGNORECASE,
)
# Words in 로 and 길 that are no roads, and words in 동 and 리 that are no places.
_COMMON = expression(
    r"(?:앞으로|새로|서로|바로|주로|따로|별로|스스로|그대로|실제로|때로|홀로|함부로|제대로|대로|최대로|"
    r"절대로|수시로|의외로|진짜로|억지로|멋대로|뜻대로|마음대로|차례로|가로|세로|도로|경로|진로|미로|블로|"
    r"제로|하나로|위로|아래로|뒤로|이대로|그길|오는길|가는길|도중길|지름길|국도로|운동|활동|자동|이동|행동|"
    r"동동|노동|작동|변동|감동|공동|수동|진동|출동|전동|구동|연동|충동|파동|소동|아동|거리|머리|자리|우리|"
    r"요리|소리|정리|처리|관리|다리|수리|분리|유리|승리|논리|심리|물리|원리|격리|마리|미리|빨리|멀리|파리|"
    r"꼬리|허리|카테고리|메모리|배터리|시리|스토리|갤러리|쿼리|라이브러리|디렉토리|디렉터리)\Z"
)
_INSTRUMENTAL = expression(r"(?:으로|적으로|별로|제로|시로|부로|채로|태로|위로|기로|용로)\Z")
_BRANCH = expression(r"로[0-9]{1,4}번?[가-하]?길\Z")
_STREET = expression(r"[0-9]가\Z")
_AS_SAID = expression(
    r"(?:[은는을를던한]|약속|예정|말|말씀|계획|순서|생각|사실|규정|원칙|차례|마음|뜻|멋|그|이|저|제|나름|"
    r"명령|예상|기대|지시|절차|설명|"
    r"기존|평소|종전|이전|원래|법|뭐|곧이곧|닥치는|되는)대로\Z"
)


# A box at a post office, or of a unit of the army: of a region, a district or an office.
_BOX = expression(
    rf"(?<![가-힣])(?:(?:{_REGION}{_SP})?(?:{_CITY}{_SP}){{0,2}}(?:{_TOWN}{_SP}){{0,2}}(?:[가-힣]{{1,6}}리{_SP})?"
    rf"(?:[가-힣]{{1,8}}우체국{_SP})?)사서함{_SP}제?[0-9]{{1,5}}(?:-[0-9]{{1,4}})?호?(?:{_SP}[0-9]{{1,3}}중?대)?"
)
_BOX_BEGINS = 40


def _box(text: str, anchor: int) -> Finding | None:
    begin = max(text.rfind("\n", max(0, anchor - _BOX_BEGINS), anchor) + 1, anchor - _BOX_BEGINS, 0)
    at = begin
    while (found := _BOX.search(text, at, anchor + _BOX_BEGINS)) is not None and found.end() <= anchor:
        at = found.start() + 1
    if found is None or found.start() >= anchor:
        return None
    return Finding(*found.span(), "KR_ADDRESS", 0.9, ("post office box",))


def _address(text: str, match: re.Match[str]) -> Finding | None:
    anchor = match.start()
    if match[0].startswith("사서함"):
        return _box(text, anchor)
    begin = max(text.rfind("\n", max(0, anchor - _LEFT), anchor) + 1, anchor - _LEFT, 0)
    stop = text.find("\n", anchor, anchor + _RIGHT)
    stop = min(len(text), anchor + _RIGHT) if stop < 0 else stop
    pattern = _ENGLISH if text[anchor].isascii() and not text[anchor].isdigit() else _KOREAN
    at = begin
    while (found := pattern.search(text, at, stop)) is not None and found.end() <= anchor:
        at = found.start() + 1
    if found is None or found.start() > anchor:
        return None
    if pattern is _ENGLISH:
        return Finding(*found.span(), "KR_ADDRESS", 0.95, ("english form",))
    if found["blocks"] or found["house"]:
        named = _NAMED.search(text, begin, found.end())
        if named is not None and named.end() == found.end() and named.start() < found.start():
            return Finding(
                *named.span(), "KR_ADDRESS", 0.95, ("city or district", "town", "building and unit")
            )
    return _weighed(text, found)


def _weighed(text: str, found: re.Match[str]) -> Finding:
    part = found.groupdict()
    units = part["tail"] or part["units"] or part["blocks"] or ""
    region, city, town = (part[name] or part[f"a_{name}"] for name in ("region", "city", "town"))
    signs = [
        (3.0, "region", region),
        (2.5, "city or district", city),
        (0.7, "town", town),
        (2.0, "unit", "호" in units or "#" in units or (part["house"] and "-" in units)),
        (1.5, "building", part["tail"] and _HOUSES.search(part["tail"])),
        (1.5, "building and unit", re.search(r"동[ \t,]{0,2}제?[0-9]+호", units)),
        (1.0, "floor", "층" in units or "지하" in units),
        (1.0, "reference", ")" in units),
        (2.6, "branch road", part["gil"] or (part["road"] and _BRANCH.search(part["road"]))),
        (1.0, "street's part", part["lot"] and _STREET.search(part["lot"])),
        (1.0, "parcel", part["parcel"] or part["road_lot"]),
        (1.0, "detached lot", part["minor"]),
        (2.5, "cue", _CUE.search(text, max(0, found.start() - _CUE_REACH), found.start())),
    ]
    logit = sum(weight for weight, _, there in signs if there)
    if part["blocks"] is not None:
        logit -= 2.6 if part["other_house"] else 3.8
    elif part["house"] is not None:
        logit -= 1.2
    else:
        name = part["road"] or part["lot"]
        logit -= 2.5 if part["road"] else 3.0
        if not part["gil"] and (_COMMON.match(name) or _INSTRUMENTAL.search(name) or _AS_SAID.search(name)):
            logit -= 2.0 if region or city else 6.0
    return Finding(
        *found.span(), "KR_ADDRESS", probability(logit), tuple(n for _, n, there in signs if there)
    )


_ANCHOR = (
    r"(?:로|길|동|리|[0-9]가)[ \t]{0,2}(?:산|지하)?[ \t]{0,2}[0-9]|[0-9]호|[a-z]-(?:ro|gil|daero|dong|"
    r"ri)(?![a-z])|"
    rf"{_HOUSE}[ \t]?[0-9]{{2,4}}-[0-9]{{3}}|사서함[ \t]{{0,2}}제?[0-9]"
)
_BLANK = ("", *spelt(tuple(" \t"), ("", *" \t")))
ADDRESS = Detector(
    entities=("KR_ADDRESS",),
    pattern=expression(_ANCHOR),
    weigh=_address,
    words=(
        *spelt(
            ("로", "길", "동", "리", "0가"),
            _BLANK,
            (*spelt(_BLANK, "0"), *spelt(("산", "지하"), _BLANK, "0")),
        ),
        *spelt("사서함", _BLANK, ("0", "제0")),
        *("0호", "-ro", "-gil", "-daero", "-dong", "-ri"),
        *spelt(tuple(_HOUSE[3:-1].split("|")), _BLANK, "00"),
    ),
    digits=1,
)

# On two lines: the region with its district, then the road or lot; or all of it, then the unit.
_OVER = expression(
    rf"(?<![가-힣]){_REGION}[ \t]?(?:(?:{_CITY}[ \t]?){{1,3}}(?:{_TOWN}[ \t]?)?,?[ \t]*\n[ \t]{{0,12}}"
    rf"(?:{_ROAD}|{_LOT}){_TAIL}|"
    + re.sub(r"\?P<\w+>", "?:", rf"(?:{_CITY}[ \t]?){{0,3}}(?:{_TOWN}[ \t]?)?(?:{_ROAD}|{_LOT}){_TAIL}")
    + rf",?[ \t]*\n[ \t]{{0,12}}(?:{_NAME}[ \t]?)?(?:{_UNIT}[ \t,]{{0,2}}){{0,2}}"
    + r"[A-Z]?[0-9]{1,5}호(?![가-힣]*(?:선|차|실)))"
)


_LINE_ENDS = expression(  # cheaper to try, and to compile, than the whole
    rf"(?<![가-힣]){_REGION}(?=[^\n]{{1,80}}\n[ \t]{{0,12}}(?:[가-힣][가-힣0-9]{{0,12}}"
    r"[로길동리가][ \t]?(?:산[ \t]?)?[0-9]|"
    r"[^\n]{0,40}[0-9]호))"
)


def _over(text: str, match: re.Match[str]) -> Finding | None:
    found = _OVER.match(text, match.start())
    if found is None or "\n" not in found[0]:
        return None
    return Finding(*found.span(), "KR_ADDRESS", 0.9, ("region", "over lines"))


ADDRESS_OVER = Detector(
    entities=("KR_ADDRESS",),
    pattern=_LINE_ENDS,
    weigh=_over,
    words=(*REGIONS, "충청", "전라", "경상", "함경", "평안", "황해"),
    lines=2,
    tail=90,
)
