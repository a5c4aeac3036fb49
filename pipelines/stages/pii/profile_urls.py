"""URLs of personal profiles: a host that keeps people, and a path that is one of them, not its own page.

The hosts are the ones on which people keep pages in Korea, as of 2026; what is not listed is a public site.
A span is the whole URL, with its scheme where it has one; no particle, no closing bracket or full stop.
"""

from __future__ import annotations

import re

from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.expression import expression

# Host, and the path of one person on it.
_NAME = r"[A-Za-z0-9_.\-]{2,40}"
_AT = rf"@{_NAME}"
_PROFILES = {
    r"(?:www\.|m\.)?instagram\.com": rf"(?:stories/)?{_NAME}",
    r"(?:www\.|m\.|ko-kr\.)?facebook\.com|fb\.(?:com|me)": (
        rf"profile\.php\?id=[0-9]+|people/[^/\s]+/[0-9]+|{_NAME}"
    ),
    r"(?:www\.|mobile\.)?(?:twitter|x)\.com": _NAME,
    r"(?:www\.)?threads\.(?:net|com)": _AT,
    r"(?:www\.)?(?:t\.me|telegram\.me)": rf"\+?{_NAME}",
    r"open\.kakao\.com": rf"(?:o|me)/{_NAME}",
    r"pf\.kakao\.com": r"_[A-Za-z0-9]{3,12}(?:/chat)?",
    r"(?:story|ch)\.kakao\.com|qr\.kakao\.com": rf"(?:ch/|talk/)?{_NAME}",
    r"(?:m\.)?blog\.naver\.com": rf"(?:PostList\.(?:naver|nhn)\?blogId=)?{_NAME}(?:/[0-9]+)?",
    r"(?:m\.)?cafe\.naver\.com": rf"ca-fe/(?:cafes/[0-9]+/)?members/{_NAME}",
    r"(?:m\.)?post\.naver\.com": r"my\.(?:naver|nhn)\?memberNo=[0-9]+",
    r"(?:www\.)?brunch\.co\.kr|velog\.io|medium\.com|(?:www\.)?tiktok\.com": _AT,
    r"(?:www\.)?(?:github|gitlab)\.com|bitbucket\.org": _NAME,
    r"(?:www\.|kr\.)?linkedin\.com": r"(?:in|pub)/[^/\s\"'<>)\]]{2,80}",
    r"(?:www\.|m\.)?youtube\.com": (
        rf"{_AT}|(?:channel/UC[A-Za-z0-9_\-]{{10,}}|user/{_NAME}|c/[^/\s\"'<>)\]]{{2,40}})"
    ),
    r"(?:www\.|m\.)?twitch\.tv": _NAME,
    r"(?:ch|bj|play|www)\.(?:sooplive|afreecatv)\.(?:co\.kr|com)": rf"(?:station/)?{_NAME}(?:/[0-9]+)?",
    r"chzzk\.naver\.com": r"(?:live/)?[0-9a-f]{32}",
    r"discord\.gg|discord(?:app)?\.com/invite": r"[A-Za-z0-9\-]{2,32}",
    r"discord(?:app)?\.com": r"users/[0-9]{10,22}",
    r"steamcommunity\.com": rf"(?:id/{_NAME}|profiles/[0-9]{{10,20}})",
    r"line\.me": rf"(?:R/)?ti/[pg2]/{{0,2}}[~@%]?{_NAME}",
    r"(?:www\.|m\.)?weibo\.(?:com|cn)": rf"(?:u|n|p|profile)/{_NAME}|{_NAME}",
    r"(?:www\.)?(?:linktr\.ee|litt\.ly|about\.me|ask\.fm|wa\.me)|ko-fi\.com|patreon\.com": _NAME,
    r"link\.inpock\.co\.kr|peing\.net/ko|toon\.at/donate|(?:www\.)?snapchat\.com/add": _NAME,
    r"(?:www\.)?(?:pinterest\.(?:com|co\.kr)|vk\.com|behance\.net|soundcloud\.com)|flickr\.com/people": _NAME,
    r"(?:www\.|old\.)?reddit\.com": rf"(?:u|user)/{_NAME}",
    r"(?:www\.)?op\.gg/(?:[a-z]{2}/)?(?:lol/)?summoners|fow\.(?:kr|lol)/find": (
        r"(?:[a-z]{2,4}/)?[^/\s\"'<>)\]]{2,40}"
    ),
    r"(?:www\.)?(?:douyin\.com|acmicpc\.net)/user|(?:www\.)?zhihu\.com/people|solved\.ac/profile": _NAME,
    r"space\.bilibili\.com|(?:www\.)?pixiv\.net/(?:en/)?users|(?:m\.)?douyu\.com": r"[0-9]{3,20}",
    r"note\.com|qiita\.com|zenn\.dev|notefolio\.net|(?:www\.)?kaggle\.com|huggingface\.co|toss\.me": _NAME,
    r"leetcode\.com/u|bsky\.app/profile|(?:ko\.)?gravatar\.com|keybase\.io|qr\.kakaopay\.com": _NAME,
    r"stackoverflow\.com/users|(?:www\.)?goodreads\.com/user/show": rf"[0-9]{{3,12}}(?:/{_NAME})?",
    r"scholar\.google\.[a-z.]{2,6}": r"citations\?(?:[a-z]+=[a-zA-Z]+&)*user=[A-Za-z0-9_\-]{6,20}",
    (
        r"(?:www\.)?mastodon\.(?:social|online|world|cloud|jp|kr)|mstdn\.jp|"
        r"(?:www\.)?dailymotion\.com/user"
    ): rf"@?{_NAME}",
    r"(?:www\.)?cyworld\.(?:com|nate\.com)": _NAME,
}
_OWN_DOMAIN = (
    r"\.(?:tistory\.com|egloos\.com|blogspot\.(?:com|kr)|github\.io|velog\.io|postype\.com|blog\.me)"
)
_OWN_HOST = r"(?!www\.|blog\.|notice\.|static|img|cdn|m\.)[a-z0-9][a-z0-9\-]{2,30}" + _OWN_DOMAIN
_PATTERN = expression(
    r"(?<![A-Za-z0-9@.\-_/])(?=(?:https?://)?[a-z0-9][a-z0-9\-]*\.)(?P<scheme>https?://)?(?:"
    + "|".join(f"(?:{host})/(?P<p{i}>{path})" for i, (host, path) in enumerate(_PROFILES.items()))
    + rf"|(?P<own>{_OWN_HOST}))(?P<rest>/?(?:\?[A-Za-z0-9_=&%.\-]*)?)",
    re.IGNORECASE,
)
# First segments that are the host's own pages.
_RESERVED = expression(
    r"(?:about|accounts|ads|api|apps|archive|articles|auth|blog|business|careers|channel|channels|chat|"
    r"collections|community|company|contact|contactus|dashboard|dev|developer|developers|directory|docs|"
    r"download|downloads|events|explore|faq|features|feed|feeds|friends|gaming|groups|hashtag|help|home|i|"
    r"img|images|intent|invite|jobs|join|landing|legal|library|live|login|logout|marketplace|me|media|"
    r"messages|new|news|notice|notices|notifications|oauth|p|pages|people|photo|photos|policies|policy|"
    r"popular|premium|press|pricing|privacy|products|profile|pub|r|reel|reels|search|security|settings|"
    r"share|sharer|sharer\.php|shop|signin|signup|sponsors|static|status|stories|store|support|tag|tags|"
    r"terms|test|topic|topics|tos|trending|tv|upload|user|users|video|videos|watch|web|wiki|plugins|dialog|"
    r"mypage|postlist\.naver|postview\.naver|postview\.nhn|postlist\.nhn|section|market|index|index\.html|"
    r"models|datasets|spaces|blog|competitions|code|learn|discussions|rankings|question|"
    r"topics|problem|problems|"
    r"robots\.txt|favicon\.ico|s|c|site|sitemap|trends|orgs|enterprise|readme|actions|login\.php)\Z"
)
_DEEPER = expression(r"(?<=/)[A-Za-z0-9_@~][A-Za-z0-9_/\-%.?=&@~]*|(?<![/])/[A-Za-z0-9_/\-%.]+|")
_FIRST_ONLY = expression(
    r"(?i)(?:github|gitlab|bitbucket|facebook|reddit|instagram|twitter|x|kaggle|note|"
    r"qiita)\.(?:com|org)/|huggingface\.co/|zenn\.dev/"
)
_TAIL = expression(r"[.\-_]+\Z")


def _profile(text: str, match: re.Match[str]) -> Finding | None:
    start, end = match.span()
    deeper = _DEEPER.match(text, end)
    if match["own"]:
        if deeper and deeper[0].strip("/") and ".github." in match["own"].lower():
            return None  # a project's pages
        return Finding(
            start, _trimmed(text, start, deeper.end() if deeper else end), "URL", 0.9, ("personal host",)
        )
    path = next(value for name, value in match.groupdict().items() if name[0] == "p" and value)
    if _RESERVED.match(path.lower()) or not any(map(str.isalnum, path)):
        return None
    if deeper and deeper[0]:
        if _FIRST_ONLY.search(match[0]):
            return None  # a repository, a page's post
        end = deeper.end()
    return Finding(start, _trimmed(text, start, end), "URL", 0.9, ("host of people", "a person's path"))


def _trimmed(text: str, start: int, end: int) -> int:
    """The end without full stops and dashes of the sentence around it."""
    tail = _TAIL.search(text, start, end)
    return tail.start() if tail else end


_WORDS = (  # every URL of a person holds one of these
    *("instagram.com", "facebook.com", "fb.com", "fb.me", "twitter.com", "x.com", "threads.net"),
    *("threads.com", "t.me/", "telegram.me", "kakao.com", "blog.naver", "cafe.naver", "post.naver"),
    *("chzzk.naver", "brunch.co", "velog.io", "medium.com", "tiktok.com", "github.com"),
    *("gitlab.com", "bitbucket.org", "linkedin.com", "youtube.com", "twitch.tv", "sooplive."),
    *("afreecatv.", "discord", "steamcommunity.", "line.me", "weibo.", "linktr.ee", "litt.ly"),
    *("about.me", "ask.fm", "wa.me", "ko-fi.com", "patreon.com", "inpock.co", "peing.net"),
    *("toon.at", "snapchat.com", "pinterest.", "vk.com", "behance.net", "soundcloud.com"),
    *("flickr.com", "reddit.com", "op.gg", "fow.", "douyin.com", "acmicpc.net", "zhihu.com"),
    *("solved.ac", "bilibili.com", "pixiv.net", "douyu.com", "note.com", "qiita.com", "zenn.dev"),
    *("notefolio.net", "kaggle.com", "huggingface.co", "toss.me", "leetcode.com", "bsky.app"),
    *("gravatar.com", "keybase.io", "kakaopay.com", "stackoverflow.com", "goodreads.com"),
    *("scholar.google", "mastodon.", "mstdn.jp", "dailymotion.com", "cyworld.", ".tistory"),
    *(".egloos", ".blogspot", ".github", ".velog", ".postype", ".blog.me"),
)
PROFILE_URL = Detector(entities=("URL",), pattern=_PATTERN, weigh=_profile, words=_WORDS)
