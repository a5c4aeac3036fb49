"""The payload of a page to text, or nothing: never with a character that was not there.

Order after the HTML standard (13.2.3.2), with one difference: bytes that are valid UTF-8 beyond ASCII
are UTF-8 whatever was declared, for no other text in use looks like it by chance.
"""

from __future__ import annotations

import codecs
import re

from resiliparse.parse.encoding import detect_encoding

from pipelines.intake.splits import codec

_META = re.compile(rb"""<meta[^>]{0,256}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_XML = re.compile(rb"""^\s*<\?xml[^>]{0,256}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{1,40})["']""")
_META_BYTES = 4096  # the standard looks at 1,024; pages with long comments first are common
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DETECT_BYTES = 65536
# Legacy encodings by language (WHATWG Encoding Standard); asked last, in the contract's order.
_BY_LANGUAGE = {"ko": "cp949", "ja": "cp932", "zh": "gb18030", "en": "cp1252", "es": "cp1252"}
_SINGLE_BYTE = frozenset({"cp1252"})  # decodes nearly anything: proves nothing


def decode_page(payload: bytes, *, declared: str | None, languages: tuple[str, ...]) -> str | None:
    """The text of a page, or None where no encoding that is declared or likely fits all its bytes.

    `declared` is the charset of the HTTP header, `languages` what the contract declares.
    """
    for mark, encoding in _MARKS:
        if payload.startswith(mark):
            return _strict(payload[len(mark) :], encoding)
    escapes = b"\x1b" in payload  # ISO 2022: ASCII bytes that are not ASCII
    if not escapes or not payload.isascii():
        text = _strict(payload, "utf-8")
        if text is not None and "\0" not in text[:1024]:
            return text
    for encoding in _candidates(payload, declared, languages):
        text = _strict(payload, encoding)
        if text is not None and "\ufffd" not in text:
            return text
    return None


def _candidates(payload: bytes, declared: str | None, languages: tuple[str, ...]) -> list[str]:
    """Codecs in the order of their likelihood, each once."""
    found = _META.search(payload, 0, _META_BYTES) or _XML.search(payload, 0, _META_BYTES)
    said = [name for name in (declared, found[1].decode() if found else None) if name]
    named = list(dict.fromkeys(codec(name) for name in said))
    guess = detect_encoding(payload[:_DETECT_BYTES], html5_compatible=False)
    likely = [codec(guess)] if guess else []
    if len(named) > 1 and likely and likely[0] in named:
        named.sort(key=lambda name: name != likely[0])  # header and page disagree: the bytes decide
    legacy = [_BY_LANGUAGE[language] for language in languages if language in _BY_LANGUAGE]
    ordered = [*named, *likely, *legacy]
    ordered.sort(key=lambda name: name in _SINGLE_BYTE)
    return list(dict.fromkeys([*ordered, "utf-8"]))


def _strict(payload: bytes, encoding: str) -> str | None:
    try:
        return payload.decode(encoding)
    except (UnicodeError, LookupError):
        return None
