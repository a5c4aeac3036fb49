"""Look at lines: fold them, run the detectors, settle overlaps. Time and memory follow the length of a line.

A line is looked at in pieces of PIECE characters, and with REACH characters of the text before and behind it
for the cues: whatever the text is, nothing longer is ever folded or held. Whether lines come from the gate or
are all the lines of a text, what is found in a line is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import SURROGATE_SCORE, Finding
from pipelines.stages.pii.fold import fold
from pipelines.stages.pii.invented import is_ours

REACH = 240
PIECE = 4096
OVERLAP = 256  # no match within a line is longer; what begins in a piece is seen to its end
AHEAD = 8192  # characters behind a line that a match over lines may reach


def lines_of(text: str) -> Iterator[tuple[int, int]]:
    """Every line of a text, end exclusive, without its line feed."""
    begin = 0
    while True:
        end = text.find("\n", begin)
        yield begin, len(text) if end < 0 else end
        if end < 0:
            return
        begin = end + 1


def find_in_line(
    text: str, begin: int, end: int, detectors: Sequence[Detector], *, plain: bool = False
) -> Iterable[list[Finding]]:
    """What detectors of one line find in the line text[begin:end], piece by piece; findings may overlap.

    `plain`: nothing in the text folds.
    """
    if end - begin <= PIECE + OVERLAP:
        return (_find(text, begin, end, end, detectors, plain),)
    return _in_pieces(text, begin, end, detectors, plain)


def _in_pieces(
    text: str, begin: int, end: int, detectors: Sequence[Detector], plain: bool
) -> Iterator[list[Finding]]:
    for start in range(begin, end, PIECE):
        stop = min(end, start + PIECE + OVERLAP)
        found = _find(text, start, stop, stop, detectors, plain)
        yield [finding for finding in found if finding.start < start + PIECE]


def find_over_lines(
    text: str, begin: int, end: int, detectors: Sequence[Detector], *, plain: bool = False
) -> Iterator[Finding]:
    """What detectors of several lines find from the line text[begin:end] on; findings may overlap."""
    for detector in detectors:
        stop = end
        for _ in range(detector.lines - 1):
            following = text.find("\n", stop + 1, end + AHEAD)
            stop = min(len(text), end + AHEAD) if following < 0 else following
        for start in range(max(begin, end - detector.tail) if detector.tail else begin, end + 1, PIECE):
            last = start + PIECE > end
            until = end if last else start + PIECE - 1
            yield from _find(text, start, until, stop if last else until + OVERLAP, (detector,), plain)


def _find(
    text: str, begin: int, end: int, stop: int, detectors: Sequence[Detector], plain: bool
) -> list[Finding]:
    first = begin - REACH if begin > REACH else 0
    seen = text[first : stop + REACH]
    view = None if plain else fold(seen)
    folded, at, till, until = seen, begin - first, end - first, stop - first
    if view is not None:
        folded, at, till, until = view.text, view.place(at), view.place(till), view.place(until)
    found: list[Finding] = []
    for detector in detectors:
        found += detector.find(folded, at, till, until)
    if found:
        found = list(_known_as_ours(found, folded))
    if not found or (not first and (view is None or view.starts is None)):
        return found
    moved = []
    for finding in found:
        at, till = finding[:2] if view is None else view.span(finding.start, finding.end)
        moved.append(Finding(at + first, till + first, finding.label, finding.score, finding.evidence))
    return moved


def _known_as_ours(findings: Iterable[Finding], text: str) -> Iterator[Finding]:
    """The findings, with the score of a surrogate where they lie on an invented word of ours."""
    for finding in findings:
        ours = is_ours(finding.label, text, *finding[:2])
        yield finding._replace(score=SURROGATE_SCORE) if ours else finding


Line = tuple[int, int, Sequence[Detector], Sequence[Detector]]  # begin, end, of one line, of several lines


def find_spans(
    text: str, lines: Iterable[Line], min_score: float, *, plain: bool = False
) -> Iterator[Finding]:
    """The findings that stand, disjoint, in order of place: of each line's own detectors, and over lines.

    Of a finding over lines and one of a line that it does not hold wholly, the line's stands.
    """
    waiting: list[Finding] = []
    last = 0
    for begin, end, within, over in lines:
        if over:
            waiting += resolve(list(find_over_lines(text, begin, end, over, plain=plain)), min_score)
            waiting.sort()
        for found in find_in_line(text, begin, end, within, plain=plain):
            for finding in resolve(found, min_score):
                while waiting and waiting[0].start < finding.end:
                    across = waiting.pop(0)
                    if across.start >= last and (across.end <= finding.start or across.end >= finding.end):
                        last = across.end
                        yield across
                if finding.start >= last:
                    last = finding.end
                    yield finding
        while waiting and waiting[0].start <= end:
            across = waiting.pop(0)
            if across.start >= last:
                last = across.end
                yield across
    for across in waiting:
        if across.start >= last:
            last = across.end
            yield across


_WHOLES = frozenset({"URL", "CREDENTIAL"})
# Known as ours by two digits alone, so one in a hundred of any bare digits is; all others carry a mark.
_BARE = {"KR_BRN": 10, "KR_DRIVER_LICENSE": 12}


def _is_inside(finding: Finding, whole: Finding) -> bool:
    """Whether bare digits that would pass for ours are less than the key or URL that they lie in."""
    return (
        finding.score == SURROGATE_SCORE
        and finding.end - finding.start == _BARE.get(finding.label)
        and whole.start <= finding.start
        and finding.end <= whole.end
        and finding.end - finding.start < whole.end - whole.start
    )


def resolve(findings: list[Finding], min_score: float) -> list[Finding]:
    """The findings that stand, in order of place: of those that overlap the likeliest, then the longest.

    Our own surrogates beat everything on their place, and then leave; but digits inside a key or a URL that
    look like one of ours are a part of that.
    """
    return [finding for finding in standing(findings, min_score) if finding.score != SURROGATE_SCORE]


def standing(findings: list[Finding], min_score: float) -> list[Finding]:
    """`resolve` with our own surrogates among what stands."""
    able = [finding for finding in findings if finding.score >= min_score]
    if len(able) > 1:
        wholes = [f for f in able if f.label in _WHOLES and f.score != SURROGATE_SCORE]
        able = [f for f in able if not any(_is_inside(f, whole) for whole in wholes)]
        able.sort(key=lambda f: (-f.score, f.start - f.end, f.start, f.label))
        origin = min(finding.start for finding in able)
        taken = bytearray(max(finding.end for finding in able) - origin)
        stood = []
        for finding in able:
            start, end = finding.start - origin, finding.end - origin
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\x01" * (end - start)
                stood.append(finding)
        able = sorted(stood)
    return able
