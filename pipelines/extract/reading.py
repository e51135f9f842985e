"""What one page's tree says of its text: layout, judgement and the lines that come of them."""

from collections import Counter
from dataclasses import dataclass, field

from lxml import etree

from pipelines.extract.blocks import Block, Layout, read_layout
from pipelines.extract.content import Judgement, judge_blocks
from pipelines.extract.lines import Line
from pipelines.extract.script_data import script_data
from pipelines.extract.weights import text_length
from pipelines.extract.witness import MIN_BODY_CHARS, hear_article_body, stand_in
from pipelines.metadata import (
    PageMatter,
    cut_site_name,
    headings,
    inner_text,
    named_authors,
    read_matter,
    site_names,
    text_of,
)
from pipelines.template import Mark, slot_mark, text_mark
from pipelines.urls import site_of

_SLOT_LEVELS = 5
_FAR = ("navigation", "hidden", "consent", "comments")
_CREDITS = ("byline", "copyright", "credit", "source")
_TELLING_CHARS = 40
# Reasons that are not worth counting as clutter: they were never near the article.
_UNCOUNTED = frozenset(("outside", "navigation", "hidden", "ornament"))


@dataclass
class Reading:
    """A page being read; `judge` takes its tree apart. `told`: the text as `speaker` has it where the page hides it."""

    root: etree._Element
    url: str
    matter: PageMatter
    titles: list[str]
    layout: Layout = field(default_factory=Layout)
    judgement: Judgement | None = None
    speaker: str = "page"
    told: list[str] = field(default_factory=list)

    def judge(self) -> None:
        """Finds the article's blocks. Facts must have been read from the tree before."""
        scripts = script_data(self.root)
        self.layout = read_layout(self.root, site_of(self.url))
        self.judgement = judge_blocks(self.layout, self.titles, named_authors(self.matter.head, self.matter.article))
        body = text_of(self.matter.article, "articleBody")
        if body is not None and len(body) >= MIN_BODY_CHARS:
            hear_article_body(self.layout, self.judgement, body)
        kept_chars = sum(text_length(block.text) for block in self.judgement.kept(self.layout))
        self.speaker, self.told = stand_in(self.root, kept_chars, body, scripts)

    def reason(self, block: Block) -> str | None:
        """Why the block is no part of the article; None where it is."""
        assert self.judgement is not None
        return self.judgement.reasons[block.number]

    def may_return(self, block: Block) -> bool:
        """Whether the block's reason gives way once the site is known."""
        assert self.judgement is not None
        return block.number in self.judgement.soft

    def lines(self) -> tuple[Line, ...]:
        """The article's blocks, and others near it that help to know the site, in reading order."""
        assert self.judgement is not None
        if self.told:
            slot = slot_mark(self.speaker)
            return tuple(Line(line, Mark(text_mark(line), slot, is_line=False)) for line in self.told)
        reasons, soft = self.judgement.reasons, self.judgement.soft
        return tuple(
            Line(block.text, _mark(block), reasons[block.number], block.number in soft, block.in_embed)
            for block in self.layout.blocks
            if reasons[block.number] is None or block.number in soft or _is_telling(block, reasons[block.number])
        )

    def removed(self) -> Counter[str]:
        """How many blocks went for which reason."""
        assert self.judgement is not None
        return Counter(reason for reason in self.judgement.reasons if reason is not None and reason not in _UNCOUNTED)


def read_page(root: etree._Element, url: str) -> Reading:
    """The page's head and headlines; the text is read by `judge`."""
    matter = read_matter(root)
    told = [text_of(matter.article, "headline"), matter.head.first("og:title"), matter.head.first("twitter:title")]
    title = root.find(".//title")
    if title is not None:
        told.append(inner_text(title))
    titles = [text for text in told if text]
    short = [cut_site_name(text, site_names(matter, url, ""), titles) for text in titles]
    return Reading(root, url, matter, [*titles, *short] or headings(root)[:1])


def _is_telling(block: Block, reason: str | None) -> bool:
    """Whether a block that is no part of this article may be taken for one on another page of the site."""
    return reason in _CREDITS or (reason not in _FAR and text_length(block.text) >= _TELLING_CHARS)


def _mark(block: Block) -> Mark:
    place = "/".join(frame.place for frame in block.frame.ancestors(_SLOT_LEVELS))
    is_line = block.link_share > 0.5 or block.is_heading or text_length(block.text) < 60
    return Mark(text_mark(block.text), slot_mark(place), is_line)
