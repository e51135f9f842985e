"""Pages that are no article: section pages, bare players, soft 404s, consent, login and robot walls.

What a page says of itself counts first: one that declares an article is refused only for what it says in its headline.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipelines.extract.reading import Reading
from pipelines.extract.weights import is_prose, text_length
from pipelines.metadata import types_of
from pipelines.model import DropReason, PageFacts

_SHORT_CHARS = 1_200
_VIDEO_CHARS = 500
_LONG_PROSE_CHARS = 1_500
_SECTION_LINKS = 8
_SECTION_LINK_CHARS = 25
_NOT_FOUND = re.compile(
    r"^\W*(?:error\W*)?404\b|\b(?:page|article|story|content) (?:not|can(?:no|')t be|could not be|is no longer|"
    r"no longer) (?:found|available)|"
    r"^(?:page |article )?not found\b|(?:page|article) (?:doesn't|does not) exist|we can't find (?:that|the) page|"
    r"seite (?:wurde )?nicht gefunden|page (?:introuvable|non trouvée)|página no encontrada|página não encontrada|"
    r"pagina non trovata|страница не найдена|сторінк[аy] не знайдена|"
    r"الصفحة غير موجودة|页面(?:不存在|未找到)|ページが見つかりません",
    re.IGNORECASE,
)
_ROBOT_WALL = re.compile(
    r"^(?:just a moment|attention required|access (?:to this page has been )?denied|are you a (?:human|robot)|"
    r"(?:please )?verify (?:that )?you(?:'re| are) (?:a )?human|robot check|security check|pardon our interruption|"
    r"one more step|403 forbidden|forbidden|checking your browser|ddos protection)\b",
    re.IGNORECASE,
)
_CONSENT_WALL = re.compile(
    r"before you continue|(?:your|our) (?:cookie|privacy) (?:choices|settings|preferences)|we (?:value|"
    r"care about) your privacy|"
    r"cookie (?:consent|wall|notice|preferences)|(?:mit werbung|werbefrei) (?:weiter)?lesen|accepte[rz] (?:et|"
    r"les cookies)|"
    r"(?:zustimmung|einwilligung) (?:erforderlich|zu cookies)|consent (?:required|management)|gestion des cookies|"
    r"política de cookies",
    re.IGNORECASE,
)
_LOGIN_WALL = re.compile(
    r"^(?:log ?in|sign ?in|register|create (?:an|your) account|subscribe|anmelden|einloggen|registrieren|"
    r"se connecter|connexion|"
    r"iniciar sesión|inicia sesión|entrar|fazer login|accedi|войти|вход|увійти|вхід|"
    r"تسجيل الدخول|登录|登錄|ログイン)\b.{0,60}$",
    re.IGNORECASE,
)
_CONSENT_WORDS = re.compile(
    r"cookie|consent|privacy|partners|personalis|personaliz|advertis|datenschutz|werbung|einwillig|tracking|vendors|"
    r"legitimate interest",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a page gives no article, in a word for counting and a few for reading."""

    reason: DropReason
    detail: str


def refusal(reading: Reading, facts: PageFacts, url: str) -> Refusal | None:
    """None for a page that seems to be an article."""
    kept = [block for block in reading.layout.blocks if reading.reason(block) is None]
    prose = [block for block in kept if is_prose(block)]
    length = sum(text_length(block.text) for block in prose)
    parts = urlsplit(url)
    if parts.path in ("", "/") and not parts.query:
        return Refusal(DropReason.NOT_ARTICLE, "homepage")
    wall = _wall([facts.title or "", *reading.titles], " ".join(block.text for block in kept), length)
    if wall is not None:
        return Refusal(DropReason.NOT_ARTICLE, wall)
    if not kept and not reading.told:
        return Refusal(DropReason.NO_TEXT, "no block of text")
    if _declares_article(reading):
        return None
    if _declares_video(reading) and length < _VIDEO_CHARS:
        return Refusal(DropReason.NOT_ARTICLE, "video")
    if length < _LONG_PROSE_CHARS and _is_section(reading, len(prose)):
        return Refusal(DropReason.NOT_ARTICLE, "section page")
    return None


def _wall(titles: list[str], text: str, prose_length: int) -> str | None:
    if prose_length > _SHORT_CHARS:
        return None
    for title in titles:
        if _NOT_FOUND.search(title):
            return "page not found"
        if _ROBOT_WALL.search(title.strip()):
            return "robot wall"
        if _LOGIN_WALL.search(title.strip()) and prose_length < _VIDEO_CHARS:
            return "login wall"
    is_consent = any(_CONSENT_WALL.search(title) for title in titles) or _CONSENT_WALL.search(text[:300]) is not None
    words = max(1, len(text.split()))
    return "consent wall" if is_consent and len(_CONSENT_WORDS.findall(text)) > words / 40 else None


def _declares_article(reading: Reading) -> bool:
    matter = reading.matter
    return bool(matter.article) or matter.og_type == "article" or bool(matter.head.first("article:published_time"))


def _declares_video(reading: Reading) -> bool:
    return reading.matter.og_type.startswith("video") or any(
        "videoobject" in types_of(item) for item in reading.matter.objects
    )


def _is_section(reading: Reading, paragraphs: int) -> bool:
    """A page of headlines: more linked ones than paragraphs, most of them near what was taken for the article."""
    types = {name for item in reading.matter.objects for name in types_of(item)}
    linked = sum(
        block.link_share > 0.8 and len(block.text) >= _SECTION_LINK_CHARS and not block.links_away
        for block in reading.layout.blocks
        if reading.reason(block) not in ("navigation", "hidden")
    )
    needed = _SECTION_LINKS if types & {"collectionpage", "itemlist", "searchresultspage"} else 2 * _SECTION_LINKS
    return linked >= needed and linked > 3 * paragraphs
