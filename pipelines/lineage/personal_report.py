"""The report's account of personal data: what was found for whom, what became of it, and on whose word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pipelines.lineage.report_page import Cell, Heat, Html, both, code, section, table
from schemas.manifest import ContractFacts, DataSetFacts, Manifest
from schemas.reasons import Reason, Stage
from schemas.rights import UNIQUE_IDENTIFIERS

# What a class is called, as Korean law and usage have it.
CLASSES: dict[str, tuple[str, str]] = {
    "CREDENTIAL": ("비밀번호·인증 키", "password or key"),
    "CREDIT_CARD": ("카드번호", "card number"),
    "DATE_OF_BIRTH": ("생년월일", "date of birth"),
    "EMAIL_ADDRESS": ("이메일", "e-mail"),
    "GAME_ID": ("게임 별명", "name in a game"),
    "GPS_COORDINATE": ("위치 좌표", "position"),
    "IMEI": ("단말기 식별번호", "IMEI"),
    "IP_ADDRESS": ("IP 주소", "IP address"),
    "KR_ADDRESS": ("주소", "postal address"),
    "KR_BANK_ACCOUNT": ("계좌번호", "bank account"),
    "KR_BRN": ("사업자등록번호", "business number"),
    "KR_CRN": ("법인등록번호", "corporate number"),
    "KR_DRIVER_LICENSE": ("운전면허번호", "driver's licence"),
    "KR_FRN": ("외국인등록번호", "foreigner number"),
    "KR_PASSPORT": ("여권번호", "passport number"),
    "KR_RRN": ("주민등록번호", "resident number"),
    "KR_VEHICLE_PLATE": ("차량번호", "number plate"),
    "MAC_ADDRESS": ("MAC 주소", "MAC address"),
    "MESSENGER_ID": ("메신저 아이디", "messenger handle"),
    "PERSON": ("사람 이름", "person"),
    "PHONE_NUMBER": ("전화번호", "telephone"),
    "URL": ("개인 페이지 주소", "personal page"),
    "VIN": ("차대번호", "vehicle identification"),
}
_ACTIONS = {
    "removed": ("삭제", "removed"),
    "kept": ("그대로 둠", "kept"),
    "replaced": ("가명으로 바꿈", "surrogate"),
}
_DROPS = (
    (
        Reason.FORBIDDEN_IDENTIFIER,
        "계약이 없다고 한 식별번호가 나와 문서를 버림",
        "dropped: held what the contract says is absent",
    ),
    (
        Reason.TOO_MUCH_PERSONAL_DATA,
        "글의 대부분이 개인정보여서 문서를 버림",
        "dropped: mostly personal data",
    ),
)


def personal_section(manifest: Manifest) -> str:
    """What was found by class and what became of it, by class and partner, and on whose word; no value."""
    found: dict[str, Counter[str]] = {}
    whose: dict[str, Counter[str]] = {}
    for facts in manifest.data_sets:
        for label, action, count in _counts(facts):
            found.setdefault(label, Counter())[action] += count
            whose.setdefault(label, Counter())[facts.partner] += count
    ordered = sorted(found, key=lambda label: (-found[label].total(), label))
    note = both(
        "남은 문서에서 찾은 것. 값은 어디에도 적지 않는다.",
        "Found in kept documents. No value is written anywhere.",
    )
    return section(
        "personal-data",
        both("개인정보", "Personal data"),
        f'<p class="note">{note.markup}</p>',
        _by_action(ordered, found),
        _by_partner(ordered, whose, sorted({facts.partner for facts in manifest.data_sets})),
        _by_word(manifest),
    )


def _by_action(ordered: list[str], found: dict[str, Counter[str]]) -> str:
    actions = ["replaced", "removed", "kept"]
    actions += sorted({action for counts in found.values() for action in counts} - set(actions))
    heads = [both("분류", "class"), both("찾음", "found"), *(both(*_action(name)) for name in actions)]
    rows: list[list[Cell]] = [
        [_class(label), found[label].total(), *(found[label][action] for action in actions)]
        for label in ordered
    ]
    if rows:
        whole = sum((found[label] for label in ordered), Counter[str]())
        rows.append([both("모두", "all"), whole.total(), *(whole[action] for action in actions)])
    return table(
        both("분류별로 찾은 것과 처리", "Found by class, and what became of it"), heads, rows, total=True
    )


def _by_partner(ordered: list[str], whose: dict[str, Counter[str]], partners: list[str]) -> str:
    most = max((count for counts in whose.values() for count in counts.values()), default=0)
    rows: list[list[Cell]] = [
        [_class(label), *(Heat(whose[label][partner], most) for partner in partners)] for label in ordered
    ]
    heads = [both("분류", "class"), *(both(name, name) for name in partners)]
    return table(both("분류와 파트너별로 찾은 것", "Found by class and partner"), heads, rows)


def _class(label: str) -> Html:
    return Html(f"{both(*CLASSES.get(label, (label, label))).markup} {code(label).markup}")


def _action(name: str) -> tuple[str, str]:
    return _ACTIONS.get(name, (name, name))


def _by_word(manifest: Manifest) -> str:
    contracts = {facts.partner: facts for facts in manifest.contracts}
    heads = [
        both("데이터 세트", "data set"),
        both("분류", "class"),
        both("처리", "what became of it"),
        both("수", "spans"),
        both("근거", "on whose word"),
    ]
    rows: list[list[Cell]] = []
    for facts in manifest.data_sets:
        contract = contracts.get(facts.partner)
        name = f"{facts.partner} / {facts.data_set}"
        for label, action, count in _counts(facts):
            rows.append([name, _class(label), both(*_action(action)), count, _word(label, action, contract)])
        rows += [[name, "", both(korean, english), count, ""] for korean, english, count in _dropped(facts)]
    return table(both("데이터 세트별 처리와 근거", "By data set, and on whose word"), heads, rows)


def _counts(facts: DataSetFacts) -> Iterator[tuple[str, str, int]]:
    """(class, action, spans), the most first."""
    for name, count in sorted(facts.pii.items(), key=lambda item: (-item[1], item[0])):
        label, _, action = name.partition(":")
        yield label, action or "replaced", count


def _word(label: str, action: str, contract: ContractFacts | None) -> Html:
    if contract is None:
        return both("계약 없음", "no contract")
    said = {policy.label: policy for policy in contract.rights.personal_data}.get(label)
    version = f"{contract.partner} {contract.version}"
    if said is None:
        if label in UNIQUE_IDENTIFIERS:
            return both(
                "고유식별정보는 남기지 않음 (개인정보 보호법 제24조)",
                "unique identifiers are never kept (PIPA Art. 24)",
            )
        return both(f"계약 {version}에 말이 없어 기본값", f"contract {version} does not say: the default")
    if action == "kept":
        return both(f"계약 {version}: {said.why}", f"contract {version}: keep")
    if said.policy == "keep":
        return both(
            "계약은 남기라 하나 법이 막음 (제24조)",
            "the contract says keep, the law forbids it (PIPA Art. 24)",
        )
    return both(f"계약 {version}", f"contract {version}: {said.policy}")


def _dropped(facts: DataSetFacts) -> Iterator[tuple[str, str, int]]:
    found = Counter(facts.dropped)
    for reason, korean, english in _DROPS:
        if count := found[f"{Stage.FIND_PII.value}/{reason.value}"]:
            yield korean, english, count
