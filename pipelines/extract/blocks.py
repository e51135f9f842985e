"""The tree of a page -> its blocks of text in reading order, and the frames (elements) that they stand in.

One walk over the tree; everything after it works on ranges of block numbers, so that "the text inside this element" is
a slice and its weight a difference of two sums.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from lxml import etree

from pipelines.clutter import MarkupKind, markup_kind

MAX_BLOCKS = 20_000
_ITALIC_SHARE = 0.9
_ASIDE_CHARS = 60
_ASIDE_ELEMENTS = 8
_GONE = (
    "script", "style", "noscript", "svg", "iframe", "object", "embed", "template", "canvas", "audio", "video", "select",
    "textarea", "input", "button", "math", "map", "applet", "frameset", "source", "track", "datalist", "progress",
    "meter",
)  # fmt: skip
_INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
    "i", "ins", "kbd", "label", "mark", "nobr", "q", "rb", "rp", "rt", "rtc", "ruby", "s", "samp", "small",
    "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "o:p",
))  # fmt: skip
_ITALIC = frozenset(("i", "em"))
# Inline elements that often are items of a row, parted by the style sheet alone.
_ITEMS = frozenset(("a", "span", "time", "label", "cite"))
_ITEM_TAGS = ("li", "dd", "dt")
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_TAG_KINDS = {
    "nav": MarkupKind.NAVIGATION,
    "footer": MarkupKind.NAVIGATION,
    "aside": MarkupKind.RELATED,
    "menu": MarkupKind.NAVIGATION,
    "figure": MarkupKind.CAPTION,
    "figcaption": MarkupKind.CAPTION,
    "dialog": MarkupKind.CONSENT,
    "address": MarkupKind.BYLINE,
    "form": MarkupKind.NAVIGATION,
    "fieldset": MarkupKind.NAVIGATION,
}
# Kinds that an inline element may have as well: it then stands as a block of its own.
_INLINE_KINDS = frozenset(
    (
        MarkupKind.CAPTION,
        MarkupKind.HIDDEN,
        MarkupKind.SHARE,
        MarkupKind.COMMENTS,
        MarkupKind.RELATED,
        MarkupKind.PLAYER,
    )
)
_DIGITS = re.compile(r"\d+")
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|clip\s*:\s*rect|[^-]width\s*:\s*1px|"
    r"(?:left|right|top|bottom|text-indent)\s*:\s*-(?:\d{4,}px|\d{3,}r?em)",
    re.IGNORECASE,
)
_NO_SIZE = re.compile(r"font-size\s*:\s*0(?:\.0+)?(?:px|pt|em|rem|%)?\s*(?:[;!]|$)", re.IGNORECASE)
_NO_HEIGHT = re.compile(r"(?:^|[;\s])height\s*:\s*0(?:px|em|rem|%)?\s*(?:[;!]|$)", re.IGNORECASE)
_OVERFLOW_HIDDEN = re.compile(r"overflow(?:-y)?\s*:\s*hidden", re.IGNORECASE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?", re.IGNORECASE)
_MAX_STYLE_CHARS = 2_000


@lru_cache(maxsize=8192)
def _without_digits(names: str) -> str:
    return _DIGITS.sub("", names)


@dataclass(slots=True, eq=False)
class Frame:
    """A block-level element: the blocks `start` to `end` (exclusive) stand inside it."""

    tag: str
    names: str
    parent: "Frame | None"
    kind: MarkupKind | None
    start: int
    end: int = 0
    is_body: bool = False
    has_image: bool = False
    # How many of its blocks are list items.
    items: int = 0

    @property
    def place(self) -> str:
        """Tag and names without numbers: equal for elements that the site's template makes alike."""
        return f"{self.tag}.{_without_digits(self.names)}"

    @property
    def label(self) -> str:
        """Tag and first names, for people: `div.story-body`."""
        return ".".join([self.tag, *self.names.split()[:2]])

    def ancestors(self, most: int = 4096) -> "list[Frame]":
        """The frame and those around it, innermost first, at most so many."""
        found: list[Frame] = []
        frame: Frame | None = self
        while frame is not None and len(found) < most:
            found.append(frame)
            frame = frame.parent
        return found


@dataclass(slots=True, eq=False)
class Block:
    """A run of text between two block boundaries, with single spaces."""

    text: str
    tag: str
    frame: Frame
    link_chars: int
    away_chars: int
    number: int
    # The words before its first link; the whole text where it has none.
    lead: str
    is_italic: bool
    has_time: bool
    # Whether nothing but a picture stands between it and the block before it.
    follows_image: bool
    # Share of the text that stands in links.
    link_share: float = field(init=False)

    def __post_init__(self) -> None:
        self.link_share = min(1.0, self.link_chars / len(self.text))

    @property
    def links_away(self) -> bool:
        """Whether its links lead to other sites."""
        return self.away_chars > self.link_chars / 2

    @property
    def is_heading(self) -> bool:
        return self.tag in _HEADINGS

    @property
    def in_embed(self) -> bool:
        """Whether it is part of a post of somebody else that the page shows."""
        return any(frame.kind is MarkupKind.EMBED for frame in self.frame.ancestors(4))

    @property
    def is_beside_image(self) -> bool:
        """Whether it is all the text of an element that holds a picture."""
        frame: Frame | None = self.frame
        while frame is not None and frame.end - frame.start == 1:
            if frame.has_image:
                return True
            frame = frame.parent
        return False

    @property
    def is_item(self) -> bool:
        return self.tag in _ITEM_TAGS


@dataclass(slots=True)
class Layout:
    """Blocks in reading order; frames in the order in which they begin; what pictures have as alternative text."""

    blocks: list[Block] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    picture_texts: set[str] = field(default_factory=set)


def read_layout(root: etree._Element, site: str) -> Layout:
    """The page's layout; links that name another host than `site` or its subdomains lead away.

    Takes the tree apart: what holds no text of its own is gone from it afterwards.
    """
    etree.strip_elements(root, *_GONE, with_tail=False)
    body = root.find("body")
    return _Reader(site).read(root if body is None else body)


class _Reader:
    def __init__(self, site: str) -> None:
        self.site = site
        self.layout = Layout()
        self.parts: list[str] = []
        self.link_chars = self.away_chars = self.italic_chars = 0
        self.links = self.italics = self.hidden = 0
        self.is_away = self.has_time = False
        self.lead: str | None = None
        self.image_before = -1  # number of the block that the last picture stands before
        self.closed = False  # whether an item ended right here
        self.is_next_item = False

    def read(self, body: etree._Element) -> Layout:
        frame = Frame("body", "", None, None, 0)
        self.layout.frames.append(frame)
        opened: list[str] = []  # what each open element is: "a", "i", "hidden", "block" or "" for other inline ones
        for event, element in etree.iterwalk(body, events=("start", "end")):
            if event == "start":
                state, frame = ("", frame) if element is body else self._open(element, frame)
                opened.append(state)
                if element.text:
                    self._add(element.text)
                continue
            frame = self._close(opened.pop(), frame)
            if element.tail and element is not body:
                self._add(element.tail)
            elif element.tag in _ITEMS:
                self.closed = True
            if len(self.layout.blocks) > MAX_BLOCKS:
                break
        self._flush(frame)
        for open_frame in frame.ancestors():
            open_frame.end = len(self.layout.blocks)
        return self.layout

    def _open(self, element: etree._Element, frame: Frame) -> tuple[str, Frame]:
        tag = element.tag
        names = element.get("class") or ""
        if tag in _INLINE:
            kind = _kind(element, tag, names) if tag != "a" and (names or element.get("style")) else None
            if kind is MarkupKind.HIDDEN and _is_aside(element):
                self.hidden += 1
                return "hidden", frame
            if kind in _INLINE_KINDS and not self._is_within_sentence(element):
                return "block", self._enter(element, tag, names, frame)
            self._begin_item(tag)
            if tag == "a":
                self.links += 1
                href = element.get("href") or ""
                self.is_away = "//" in href[:8] and self.site not in href[:100]
                return "a", frame
            if tag in _ITALIC:
                self.italics += 1
                return "i", frame
            self.has_time = self.has_time or tag == "time"
            return "", frame
        if tag == "br" or tag == "hr":
            self._flush(frame)
            return "", frame
        if tag == "img" or tag == "picture":
            frame.has_image = True
            self.image_before = len(self.layout.blocks) + any(part.strip() for part in self.parts)
            self.layout.picture_texts.add(" ".join((element.get("alt") or "").split()))
            return "", frame
        return "block", self._enter(element, tag, names, frame)

    def _close(self, state: str, frame: Frame) -> Frame:
        """Ends what `_open` began; gives the frame around it."""
        if state == "block":
            self._flush(frame)
            frame.end = len(self.layout.blocks)
            around = frame.parent or frame
            around.items += frame.items
            around.has_image = around.has_image or (frame.has_image and frame.start == frame.end)
            return around
        if state == "a":
            self.links -= 1
        elif state == "i":
            self.italics -= 1
        elif state == "hidden":
            self.hidden -= 1
        return frame

    def _enter(self, element: etree._Element, tag: str, names: str, frame: Frame) -> Frame:
        self._flush(frame)
        kind = _kind(element, tag, names)
        inner = Frame(tag, names, frame, kind, len(self.layout.blocks))
        inner.is_body = kind is MarkupKind.BODY or "articlebody" in (element.get("itemprop") or "").lower()
        self.layout.frames.append(inner)
        return inner

    def _is_within_sentence(self, element: etree._Element) -> bool:
        """Whether words of the same sentence stand right before and after the element."""
        before = "".join(self.parts[-2:]).rstrip()
        after = (element.tail or "").lstrip()
        return bool(before) and before[-1].isalnum() and bool(after) and (after[0].islower() or after[0] in ",;")

    def _begin_item(self, tag: str) -> None:
        """Notes whether the inline element that begins is the next item of a row: `<span>…</span><time>…</time>`."""
        if self.closed and tag in _ITEMS:
            self.is_next_item = True

    def _add(self, text: str) -> None:
        if self.hidden:
            return
        if self.is_next_item and _are_apart(self.parts[-1] if self.parts else "", text):
            self.parts.append(" ")
        self.closed = self.is_next_item = False
        if self.links:
            if self.lead is None:
                self.lead = "".join(self.parts)
            self.link_chars += len(text.strip())
            if self.is_away:
                self.away_chars += len(text.strip())
        if self.italics:
            self.italic_chars += len(text.strip())
        self.parts.append(text)

    def _flush(self, frame: Frame) -> None:
        self.closed = self.is_next_item = False
        if not self.parts:  # so it is at two of three boundaries
            self.lead = None
            self.has_time = False
            return
        text = " ".join("".join(self.parts).split())
        if text:
            frame.items += frame.tag in _ITEM_TAGS
            blocks = self.layout.blocks
            blocks.append(
                Block(
                    text=text,
                    tag=frame.tag,
                    frame=frame,
                    link_chars=self.link_chars,
                    away_chars=self.away_chars,
                    number=len(blocks),
                    lead=text if self.lead is None else " ".join(self.lead.split()),
                    is_italic=self.italic_chars >= _ITALIC_SHARE * len(text),
                    has_time=self.has_time,
                    follows_image=self.image_before == len(blocks),
                )
            )
        self.parts.clear()
        self.lead = None
        self.has_time = False
        self.link_chars = self.away_chars = self.italic_chars = 0


def _are_apart(before: str, after: str) -> bool:
    """Whether two items without white space between them read as one word only by mistake: not an initial's rest."""
    if len(before) < 2 or not after[0].isalnum() or not before[-1].isalnum():
        return False
    return (before[-1].islower() or before[-1].isdigit()) and (
        after[0].isupper() or (after[0].isdigit() and not before[-1].isdigit())
    )


def _is_aside(element: etree._Element) -> bool:
    """Whether the inline element holds a few words for screen readers rather than blocks of text."""
    words = 0
    for number, inner in enumerate(element.iter()):
        if number > _ASIDE_ELEMENTS or (number and inner.tag not in _INLINE):
            return False
        words += len(inner.text or "") + (len(inner.tail or "") if number else 0)
    return words <= _ASIDE_CHARS


def _is_hidden_by(style: str, element: etree._Element) -> bool:
    """Whether a reader sees nothing of what the style is for: a place to hide words that only a machine reads.

    `opacity: 0` is left out: pages that fade in begin with it.
    """
    if "\\" in style or "/*" in style:
        style = _CSS_ESCAPE.sub(lambda match: chr(min(int(match[1], 16), 0xFFFF)), _CSS_COMMENT.sub("", style))
    if _HIDDEN_STYLE.search(style):
        return True
    if _NO_SIZE.search(style):  # what stands inside may have a size of its own, as where it is to close up images
        return all(inner.get("class") is None and inner.get("style") is None for inner in element.iterdescendants())
    return _NO_HEIGHT.search(style) is not None and _OVERFLOW_HIDDEN.search(style) is not None


def _kind(element: etree._Element, tag: str, names: str) -> MarkupKind | None:
    style = element.get("style")
    if style and _is_hidden_by(style[:_MAX_STYLE_CHARS], element):
        return MarkupKind.HIDDEN
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return MarkupKind.HIDDEN
    element_id = element.get("id") or ""
    role = element.get("role") or ""
    found = markup_kind(names, element_id, role) if names or element_id or role else None
    return found or _TAG_KINDS.get(tag)
