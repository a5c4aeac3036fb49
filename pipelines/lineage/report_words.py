"""The report's Korean wording of stages and reasons; the English one stands in schemas.reasons."""

from __future__ import annotations

from schemas.reasons import REASON_WORDING, REFUSAL_WORDING, Reason, Refusal, Stage
from schemas.shards import NO_LANGUAGE

LANGUAGES: dict[str, tuple[str, str]] = {
    "ko": ("한국어", "Korean"),
    "en": ("영어", "English"),
    "zh": ("중국어", "Chinese"),
    "ja": ("일본어", "Japanese"),
    "es": ("스페인어", "Spanish"),
    "code": ("코드", "code"),
    NO_LANGUAGE: ("알 수 없음", "unknown"),
}

STAGES: dict[Stage, tuple[str, str]] = {
    Stage.EXTRACT: ("본문 추출", "extract"),
    Stage.NORMALISE: ("정규화", "normalise"),
    Stage.LANGUAGE: ("언어", "language"),
    Stage.QUALITY: ("품질", "quality"),
    Stage.DECONTAMINATE: ("평가 오염 제거", "decontaminate"),
    Stage.FIND_PII: ("개인정보 찾기", "find personal data"),
    Stage.FINGERPRINT: ("지문", "fingerprint"),
    Stage.REPLACE_PII: ("개인정보 치환", "replace personal data"),
    Stage.RIGHTS: ("권리", "rights"),
    Stage.DEDUP: ("중복 제거", "deduplicate"),
}

REFUSALS: dict[Refusal, str] = {
    Refusal.EMPTY_FILE: "빈 파일",
    Refusal.TRUNCATED: "파일이나 압축이 중간에 끊김",
    Refusal.UNREADABLE: "계약에 적힌 형식이 아닌 파일",
    Refusal.INVALID_ENCODING: "계약의 문자 인코딩이 아닌 바이트",
    Refusal.INVALID_JSON: "JSON이 아닌 줄",
    Refusal.NOT_AN_OBJECT: "JSON 객체가 아닌 줄",
    Refusal.ROW_TOO_LONG: "한도보다 긴 행",
    Refusal.WRONG_FIELD_COUNT: "필드 수가 맞지 않는 CSV 행",
    Refusal.BROKEN_QUOTES: "따옴표가 닫히지 않은 CSV 행",
    Refusal.MISSING_COLUMN: "계약의 열이 파일에 없음",
    Refusal.MISSING_VALUE: "필수 필드에 값이 없음",
    Refusal.WRONG_TYPE: "계약의 자료형과 다른 필드",
    Refusal.BROKEN_RECORD: "읽을 수 없는 WARC 레코드",
    Refusal.ERROR_RESPONSE: "성공이 아닌 HTTP 응답",
    Refusal.OUTSIDE_DROP: "납품 디렉터리를 벗어나는 링크나 경로",
    Refusal.PATTERN_MISMATCH: "계약의 형식(정규식)에 맞지 않는 값",
    Refusal.NOT_IN_ENUM: "계약에 없는 값",
    Refusal.OUT_OF_RANGE: "계약의 범위를 벗어난 값",
    Refusal.WRONG_LENGTH: "계약보다 짧거나 긴 글이나 목록",
    Refusal.INVALID_DATE: "없는 날짜나 시각, 또는 계약과 다른 표기",
    Refusal.REPEATED_KEY: "이미 납품된 키",
    Refusal.NOT_UNIQUE: "고유해야 하는 열에 두 번 나온 값",
    Refusal.FORBIDDEN_COLUMN: "계약이 금지한 열에 든 값",
    Refusal.NOT_KEYED: "키로 가명화해야 하는데 그대로인 값",
    Refusal.NOT_GENERALISED: "계약의 격자나 시간 단위보다 세밀한 값",
    Refusal.UNIQUE_IDENTIFIER: "계약이 없다고 한 고유식별정보(개인정보 보호법 제24조)",
    Refusal.LICENCE_NOT_ALLOWED: "계약이 행에 허용하지 않은 라이선스",
    Refusal.INVALID_VALUE: "계약의 행 규칙에 어긋난 값",
    Refusal.SUPPRESSED: "삭제되어 다시 받지 않는 내용",
}

REASONS: dict[Reason, str] = {
    Reason.NO_TEXT: "남은 본문 없음",
    Reason.LANGUAGE_NOT_WANTED: "레시피가 원하지 않는 언어",
    Reason.LANGUAGE_UNSURE: "언어를 확실히 알 수 없음",
    Reason.TOO_FEW_WORDS: "어절이 너무 적음",
    Reason.TOO_MANY_WORDS: "어절이 너무 많음",
    Reason.MEAN_WORD_TOO_SHORT: "어절이 평균적으로 너무 짧음",
    Reason.MEAN_WORD_TOO_LONG: "어절이 평균적으로 너무 긺",
    Reason.TOO_MANY_SYMBOLS: "기호가 너무 많음",
    Reason.TOO_MANY_BULLETS: "거의 모든 줄이 글머리표로 시작",
    Reason.TOO_MANY_ELLIPSES: "말줄임표로 끝나는 줄이 너무 많음",
    Reason.TOO_FEW_ALPHABETIC_WORDS: "글자가 든 어절이 너무 적음",
    Reason.TOO_FEW_STOP_WORDS: "그 언어의 흔한 말이 너무 적음",
    Reason.DUPLICATE_LINES: "되풀이된 줄이 너무 많음",
    Reason.DUPLICATE_PARAGRAPHS: "되풀이된 문단이 너무 많음",
    Reason.DUPLICATE_LINE_CHARACTERS: "되풀이된 줄의 비중이 너무 큼",
    Reason.DUPLICATE_PARAGRAPH_CHARACTERS: "되풀이된 문단의 비중이 너무 큼",
    Reason.TOP_NGRAM: "한 구절의 비중이 너무 큼",
    Reason.DUPLICATE_NGRAMS: "되풀이된 구절의 비중이 너무 큼",
    Reason.LOREM_IPSUM: "자리 채움 글(lorem ipsum)",
    Reason.CURLY_BRACKET: "중괄호가 있음",
    Reason.TOO_FEW_SENTENCES: "문장이 너무 적음",
    Reason.LINES_WITHOUT_PUNCTUATION: "문장 부호로 끝나는 줄이 너무 적음",
    Reason.SHORT_LINES: "짧은 줄이 너무 많음",
    Reason.CHARACTER_DUPLICATES: "되풀이된 줄에 든 글자가 너무 많음",
    Reason.TOO_MANY_LINES: "어절에 견주어 줄바꿈이 너무 많음",
    Reason.LONG_LINES: "줄이 너무 긺",
    Reason.TOO_SHORT: "너무 짧음",
    Reason.TOO_FEW_LETTERS: "길이에 견주어 글자가 너무 적음",
    Reason.REPEATED_CHARACTERS: "한 글자의 비중이 너무 큼",
    Reason.SPAM: "광고로 보임",
    Reason.CONTAMINATED: "평가 문항이 들어 있음",
    Reason.TOO_MUCH_PERSONAL_DATA: "개인정보의 비중이 너무 큼",
    Reason.FORBIDDEN_IDENTIFIER: "계약이 없다고 한 고유식별정보가 있음",
    Reason.SUPERSEDED: "파트너가 새 판을 납품함",
    Reason.NOT_IN_SNAPSHOT: "파트너의 최신 스냅숏에 없음",
    Reason.TAKEN_BACK: "파트너가 거두어들임",
    Reason.SUPPRESSED: "내용이 삭제 요청됨",
    Reason.CRAWLED_AFTER_OPT_OUT: "도메인이 이용을 거부한 뒤에 수집됨",
    Reason.OPTED_OUT: "도메인이 이용을 거부함",
    Reason.CRAWL_DATE: "수집일이 없거나 읽을 수 없거나 빌드 날짜보다 늦음",
    Reason.LICENCE_NOT_ALLOWED: "계약이 허용하지 않은 라이선스",
    Reason.MACHINE_TERMS: "기계가 쓴 글로, 약관이 학습을 허용하지 않거나 알 수 없음",
    Reason.SEED_WITHDRAWN: "쓸 수 없는 문서로 만든 글",
    Reason.REPEATED_KEY: "같은 키가 이미 납품됨",
    Reason.EXACT_DUPLICATE: "남은 문서와 같은 글",
    Reason.NEAR_DUPLICATE: "남은 문서와 거의 같은 글",
    Reason.REPEATED_PASSAGES: "앞선 문서들의 구절로만 된 글",
}


def refusal_words(name: str) -> tuple[str, str]:
    """(Korean, English) of a quarantine's reason; the bare name where it is none of ours."""
    if name not in list(Refusal):
        return name, name
    refusal = Refusal(name)
    return REFUSALS.get(refusal, name), REFUSAL_WORDING.get(refusal, name)


def language_words(name: str) -> tuple[str, str]:
    """(Korean, English) of a language's code; the bare code where it is none of ours."""
    return LANGUAGES.get(name, (name, name))


def stage_words(name: str) -> tuple[str, str]:
    """(Korean, English) of a stage; the bare name where it is none of ours."""
    return STAGES[Stage(name)] if name in list(Stage) else (name, name)


def drop_words(name: str) -> tuple[str, str]:
    """(Korean, English) of "stage/reason"; the bare names where they are none of ours."""
    stage, _, reason = name.partition("/")
    if stage not in list(Stage) or reason not in list(Reason):
        return name, name
    korean, english = STAGES.get(Stage(stage), (stage, stage))
    known = Reason(reason)
    return f"{korean}: {REASONS.get(known, reason)}", f"{english}: {REASON_WORDING.get(known, reason)}"
