"""Short blocks that stand among an article's paragraphs and are none: bylines, captions, links to other stories.

Told by their markup as much as by their words: what of them is a link, a time, set in italics, next to a picture.
"""

import re
from collections.abc import Collection

from pipelines.clutter import clutter_kind, opens_tail
from pipelines.extract.blocks import Block
from pipelines.extract.weights import ends_sentence, is_bare_address, text_length

_CAPTION_CHARS = 120
_ITALIC_CAPTION_CHARS = 200
_BYLINE_CHARS = 160
_DATE_CHARS = 40
_LABEL_CHARS = 30
_BESIDE_CHARS = 160
_UNCASED_BYLINE_CHARS = 60
_LEAD_CHARS = 40
_REST_SHARE = 0.2
_QUOTED = ('"', "“", "„", "«", "»", "‘", "「", "『", "—")
_PICTURE_CREDIT = re.compile(
    r"[\[(](?:file|photo|image|picture|foto|credit|ap|afp|reuters|getty|epa|courtesy)\b[^\])]{0,80}[\])]\.?$|"
    r"[\[(][^\])]{0,60}(?:/(?:reuters|afp|ap|epa|getty)|via (?:getty|ap|reuters)|getty images)[^\])]{0,30}[\])]\.?$",
    re.IGNORECASE,
)
# With a year, and told from scores and spans (`19-8, 11-3`) by a month's name or one separator throughout.
_DAY = (
    r"(?:\d{1,2}(?:st|nd|rd|th|er|º)?[\s./-]+(?:de |di )?[^\W\d]{3,10}[\s.,/-]+(?:de |del )?\d{2,4}|"
    r"\d{1,2}(?:\.\s?\d{1,2}\.\s?|/\d{1,2}/|-\d{1,2}-)\d{2,4}|"
    r"[^\W\d]{3,10}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{4}[-./年]\s?\d{1,2}[-./月]\s?\d{1,2}日?)"
)
_CLOCK = r"(?:\d{1,2}[:.]\d{2}(?: ?[ap]\.?m\.?)?(?: [a-z]{2,4})?,? (?:on )?)"
_DATED = (
    r"(?:(?:first |last )?(?:published|updated|posted|modified|created)|last update|by|on|at|date|added|von|vom|am|"
    r"stand|veröffentlicht|aktualisiert|par|le|publié|mis à jour|actualisé|modifié|por|el|publicad[oa]|actualizad[oa]|"
    r"em|atualizad[oa]|di|il|pubblicat[oa]|aggiornat[oa]|опубликовано|обновлено|опубліковано|оновлено|"
    r"(?:آخر تحديث|تم التحديث|تم النشر|نشرت?|نشر في)(?: في)?|"
    r"(?:更新|发布|發布|发表|發表)(?:时间|時間|于|於)?|公開|更新日|公開日)"
)
_DATE_LINE = re.compile(
    rf"(?:{_DATED}(?:\b|(?=[:：\d]))\W*)*(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\W+)?{_CLOCK}?{_DAY}(?:.{{0,60}})?",
    re.IGNORECASE,
)
_HOUR_LINE = re.compile(
    rf"{_DATED}\W*(?:(?:um|at|à|às|a las|alle(?: ore)?|в|о)\s)?\d{{1,2}}(?:[:.h]\d{{2}}|時\d{{1,2}}分)"
    r"(?: ?(?:[ap]\.?m\.?|uhr|h|[a-z]{2,4}))?",
    re.IGNORECASE,
)
_BY_LINE = re.compile(
    r"(?:by|von|par|por|di|written by|story by|text by|words by|автор|текст|от|від|بقلم|كتبت?)\s*:?\s+\S.{1,70}|"
    r"(?:بقلم|كتبت?|автор)\s*[:：/]\s*\S.{1,40}|"
    r"[\w・]{0,12}(?:记者|記者|作者|撰文|文|取材)(?:\s*[:：/／]\s*|\s+)[\w・·]{2,16}(?:[\s、][\w・·]{2,16}){0,3}",
    re.IGNORECASE,
)
# Set apart from the paragraph that it begins: `Valmer, Reuters —`.
_DATELINE = re.compile(r"[^.!?]{2,60}\s[—–-]")
_ANY_DAY = re.compile(rf"(?<!\w){_DAY}(?!\w)")
_NOTICE = re.compile(
    r"(?:this (?:web)?site uses cookies|we (?:and our partners )?use cookies|"
    r"(?:any )?(?:non-)?(?:strictly )?(?:necessary )?cookies (?:are absolutely|that may not)|necessary cookies are|"
    r"by (?:continuing to|using this site)\b|"
    r"(?:registration on|use of) (?:or use of )?this (?:web)?site constitutes|"
    r"the material on this site (?:may not|can not)|diese (?:webseite|website) (?:verwendet|nutzt) cookies|"
    r"durch die nutzung (?:dieser|unserer) (?:webseite|website|seite)|en utilisant (?:ce|notre) site|"
    r"ce site utilise des cookies|este sitio (?:web )?(?:utiliza|usa) cookies|questo sito utilizza (?:i )?cookie)",
    re.IGNORECASE,
)
_BEFORE_NAME = re.compile(r"^\W+")
_ABOUT = re.compile(
    r"(?: \([^)]{2,60}\))?,? (?:is|are|was|has|covers|writes|reports|joined|works|ist|sind|schreibt|arbeitet|"
    r"berichtet|leitet|est|sont|couvre|écrit|es|son|cubre|escribe|trabaja|é|são|cobre|escreve|acompanha|è|sono|scrive|segue|lavora)\b|"
    r" ?[—–] |(?:,|，|، | )?(?:is|は|是|系|صحفية?|كاتبة?|مراسلة?|محررة?)|，[^，。]{0,12}(?:记者|記者|编辑|編輯|作者)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
# What a byline has in small letters beside names and dates.
_BYLINE_WORDS = frozenset((
    "and", "at", "by", "correspondent", "editor", "for", "from", "in", "last", "of", "on", "published", "reporter",
    "staff", "updated", "writer", "am", "aktualisiert", "stand", "uhr", "um", "und", "von", "vom", "à", "actualisé",
    "et", "le", "les", "mis", "par", "publié", "a", "actualizado", "el", "las", "por", "publicado", "y", "às", "e",
    "em", "atualizado", "aggiornato", "di", "il", "ore", "pubblicato", "da", "de", "del", "van", "der", "pm", "est",
    "gmt", "min", "mins", "minutes", "read", "reading", "lecture", "lectura", "leitura", "lettura", "lesezeit", "мин",
    "чтения", "хв", "читання", "автор", "и", "в", "опубликовано", "обновлено", "і", "та", "опубліковано", "оновлено",
))  # fmt: skip


def notice_kind(text: str) -> str | None:
    """The kind of a long notice of the site on itself, told by how it begins; None for all other paragraphs."""
    if text.startswith(("©", "Copyright ©")):
        return "copyright"
    return "consent" if _NOTICE.match(text) else None


def is_read_also(block: Block) -> bool:
    """Whether it says "read also" in any language, and the rest is a link to another story.

    Where the sentence goes on after the link (`Read also <a>the footnotes</a>, she said`) it is the article's.
    """
    rest = len(block.text) - len(block.lead) - block.link_chars
    lead = block.lead.strip(" ([【-–—:：>»|•").rstrip()
    if not block.link_chars or not 0 < len(lead) <= _LEAD_CHARS or rest > _REST_SHARE * block.link_chars:
        return False
    return opens_tail(lead) or clutter_kind(f"{lead}: x y") == "related"


def is_label_and_links(block: Block) -> bool:
    """Whether it is a label and a row of links, as the topics under an article: `Tags: <a>Bridge</a>, <a>Town</a>`."""
    rest = len(block.text) - len(block.lead) - block.link_chars
    is_label = 1 < len(block.lead) <= _LABEL_CHARS and block.lead.endswith((":", "："))
    names_pages = is_label and "//" not in block.text and not block.links_away
    return names_pages and rest <= _REST_SHARE * block.link_chars + 2


def bylined(block: Block) -> str | None:
    """The line's text if it begins with "By": names of the article's authors."""
    return block.text if _BY_LINE.fullmatch(block.text) else None


def is_about(text: str, authors: Collection[str]) -> bool:
    """Whether it tells who one of the authors is: their name, then `is a reporter …` in any language."""
    plain = _BEFORE_NAME.sub("", text)
    for author in authors:
        if plain.casefold().startswith(author.casefold()):
            return _ABOUT.match(plain[len(author) :]) is not None
    return False


def is_byline(block: Block, *, is_head: bool) -> bool:
    """Whether it says who wrote the article or when, and no more; above the first paragraph also without a "By"."""
    text = block.text
    if _BY_LINE.fullmatch(text) or _HOUR_LINE.fullmatch(text):
        return True
    if _DATE_LINE.fullmatch(text) and not (ends_sentence(text) and len(text) > _DATE_CHARS):
        return True
    if not is_head or block.is_heading or block.is_item or text_length(text) > _BYLINE_CHARS:
        return False
    if _DATELINE.fullmatch(text):
        return True
    return not ends_sentence(text) and _is_names_and_date(block)


def _is_names_and_date(block: Block) -> bool:
    """Whether a date stands among names: a `time` element is proof enough for half of the words to be others."""
    rest = _ANY_DAY.sub(" ", block.text)
    words = _WORD.findall(rest)
    small = [word for word in words if word[0].islower() and word not in _BYLINE_WORDS]
    if not any(word != word.casefold() for word in words):
        return block.has_time and text_length(block.text) <= _UNCASED_BYLINE_CHARS
    if block.has_time:
        return 2 * len(small) <= len(words)
    return rest != block.text and not small and 2 <= len(words) <= 14


def is_caption(block: Block) -> bool:
    """A line under a picture that reads like no sentence or is set in italics, or ends with the picture's credit."""
    if block.is_heading or block.is_item or is_bare_address(block.text):
        return False
    if _PICTURE_CREDIT.search(block.text):
        return True
    if not block.is_beside_image:
        return False
    length = text_length(block.text)
    is_scrap = length < _CAPTION_CHARS and not ends_sentence(block.text)
    if block.tag == "div" and length < _BESIDE_CHARS and not block.frame.has_image:
        return True
    return is_scrap or (block.is_italic and _is_short_and_unspoken(block.text))


def is_italic_caption(block: Block, after: Block | None) -> bool:
    """A line in italics right after a picture, where what follows is not: a passage all in italics is the article's."""
    if not (block.is_italic and block.follows_image) or block.is_item or (after is not None and after.is_italic):
        return False
    return _is_short_and_unspoken(block.text)


def _is_short_and_unspoken(text: str) -> bool:
    """What somebody says is set in italics as well."""
    return not text.startswith(_QUOTED) and text_length(text) < _ITALIC_CAPTION_CHARS
