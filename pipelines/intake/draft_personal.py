"""Which columns look as if they pointed at a person: by the words of their names, and by their contents."""

from __future__ import annotations

import re
from enum import StrEnum


class Personal(StrEnum):
    """Why a column looks personal; each has the policy that `policy_of` proposes."""

    PERSON = "person"  # an id or nickname: what rows of one person share
    DIRECT = "direct"  # name, telephone, address: points at a person by itself
    PLACE = "place"
    TIME = "time"


_PERSON_WORDS = {
    *("nick", "nickname", "username", "userid", "uid", "login", "handle", "author", "writer", "sender"),
    *("receiver", "speaker", "who", "driver", "player", "member", "user", "owner", "customer", "account"),
    *("rider", "passenger", "poster", "commenter", "reviewer", "from", "by", "agent", "device", "session"),
    *("닉네임", "작성자", "회원", "아이디", "사용자", "이용자", "발신자", "화자", "글쓴이", "기사", "고객"),
}
_DIRECT_WORDS = {
    *("firstname", "lastname", "fullname", "realname", "surname", "phone", "tel", "telephone", "mobile"),
    *(
        "cellphone",
        "hp",
        "email",
        "mail",
        "address",
        "addr",
        "street",
        "zip",
        "postcode",
        "birth",
        "birthday",
    ),
    *("dob", "ssn", "rrn", "jumin", "passport", "ip", "ipaddr", "mac", "imei", "card", "iban", "password"),
    *("passwd", "token", "secret", "plate", "vin", "kakao", "telegram"),
    *(
        "이름",
        "성명",
        "실명",
        "전화",
        "전화번호",
        "휴대폰",
        "연락처",
        "이메일",
        "주소",
        "생년월일",
        "주민번호",
    ),
    *("주민등록번호", "여권번호", "계좌", "계좌번호", "차량번호", "카드번호"),
}
_WHOLE_WORDS = {
    "gender",
    "sex",
    "age",
    "성별",
    "나이",
}  # of a name that is nothing else: gender_bias is a label
_PLACE_WORDS = {
    "lat",
    "latitude",
    "lon",
    "lng",
    "longitude",
    "gps",
    "geo",
    "coord",
    "coordinates",
    "위도",
    "경도",
}
_TIME_WORDS = {
    *("at", "time", "date", "ts", "timestamp", "datetime", "created", "posted", "sent", "started", "ended"),
    *("updated", "modified", "registered", "reg", "when", "일시", "시각", "날짜", "등록일", "작성일"),
}
_NAME_BESIDE = {"name", "full", "first", "last", "real", "given", "family", "user", "customer", "my"}
# By content: e-mail, Korean telephone number, IPv4, resident number; shortened from stages.pii.
DIRECT_CONTENT = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.]+|(?<!\d)(\+82[- ]?|0)\d{1,2}[- ]?\d{3,4}[- ]?\d{4}(?!\d)"
    r"|(?<![\d.])(\d{1,3}\.){3}\d{1,3}(?![\d.])|(?<!\d)\d{6}-[0-9*]{7}(?!\d)"
)


def personal_by_name(path: tuple[str, ...]) -> Personal | None:
    """What the words of a column's name say; a time is told by its last part alone."""
    words = [word for part in path for word in words_of(part)]
    said = {*words, "".join(words)}
    last = words_of(path[-1])
    whole = len(last) == 1 and last[0] in _WHOLE_WORDS
    if said & _DIRECT_WORDS or whole or ("name" in last and set(last) <= _NAME_BESIDE):
        return Personal.DIRECT
    if said & _PERSON_WORDS:
        return Personal.PERSON
    if said & _PLACE_WORDS:
        return Personal.PLACE
    return Personal.TIME if set(last) & _TIME_WORDS else None


def words_of(name: str) -> list[str]:
    """userId, user_id and USER-ID are user and id."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[\W_]+", apart) if word]
