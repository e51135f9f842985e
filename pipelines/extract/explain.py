"""What became of every block of a page and why: the tool for a source that looks wrong.

Data for the terminal and, by `explanation_html`, a page to look at: kept blocks green, dropped ones with their reason.
"""

from collections import Counter
from dataclasses import dataclass
from html import escape

from pipelines.clutter import plain_line
from pipelines.extract.blocks import Block
from pipelines.extract.parse import parse_html
from pipelines.extract.reading import Reading, read_page

REASONS = {
    "advert": "advertising",
    "author": "about the author",
    "biography": "who the author is, in the last lines",
    "byline": "date, author or topic line",
    "caption": "caption or credit of a picture",
    "captcha": "a sum or question against robots",
    "comments": "comments or the form for them",
    "consent": "cookie or privacy notice",
    "contact": "how to reach the author",
    "copyright": "copyright notice",
    "credit": "who reported, wrote or edited",
    "feedback": "request for tips, corrections or ratings; page furniture",
    "hidden": "not shown to readers",
    "inset": "a scrap between the article's paragraphs that is none of them",
    "lead": "standfirst; comes back once the site is known",
    "live": "link to live updates or their list of key points",
    "navigation": "menu, header, footer, form or widget",
    "newsletter": "newsletter or subscription",
    "ornament": "no letters or digits",
    "outside": "not near the article",
    "paywall": "notice of a paywall",
    "player": "player or picture notice",
    "related": "link to other pages",
    "share": "share or follow line",
    "source": "source line",
    "title": "the headline, kept as title",
    "unconfirmed": "a scrap that the page's JSON-LD text does not have",
}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "h1{font-size:1.3rem;overflow-wrap:anywhere}body{color:#1b1f24;background:#fff}"
    "div{border-left:4px solid #c9ced6;margin:.35rem 0;padding:.15rem .7rem;color:#69727d}"
    "div.keep{border-color:#1a7f37;color:#1b1f24}small{display:block;color:#69727d}b{color:#9a3412;font-weight:600}"
    "@media(prefers-color-scheme:dark){body{background:#14171b;color:#e6e9ed}div{border-color:#3a424c;color:#98a2ad}"
    "div.keep{border-color:#3fb950;color:#e6e9ed}b{color:#f0a36b}small{color:#98a2ad}}"
)


@dataclass(frozen=True, slots=True)
class ExplainedBlock:
    """One block of the page in reading order; `reason` is None where it is part of the article.

    `may_return`: once the site's template is known, the block may turn out to be the article's own.
    """

    text: str
    tag: str
    path: str
    reason: str | None
    link_share: float
    may_return: bool = False

    @property
    def is_kept(self) -> bool:
        return self.reason is None

    @property
    def why(self) -> str:
        """The reason in words."""
        return "" if self.reason is None else REASONS.get(self.reason, self.reason)


def explain_page(html: bytes, url: str) -> list[ExplainedBlock]:
    """Every block of the page with what became of it; none if the bytes are no HTML.

    Where the page's own text was passed over for its JSON-LD or trafilatura's reading, those lines come last, kept.
    """
    parsed = parse_html(html)
    if parsed is None:
        return []
    reading = read_page(parsed.root, url)
    reading.judge()
    passed_over = f"passed over for {reading.speaker}" if reading.told else None
    blocks = [_explained(block, reading, passed_over) for block in reading.layout.blocks]
    return blocks + [ExplainedBlock(text, "p", reading.speaker, None, 0.0) for text in reading.told]


def explanation_html(blocks: list[ExplainedBlock], url: str) -> str:
    """A page that shows the blocks, kept and dropped, for a person to look through."""
    rows = [
        f'<div class="{"keep" if block.is_kept else "drop"}">{escape(block.text)}'
        f"<small>{escape(block.path)} <b>{escape(block.reason or '')}</b> {escape(block.why)}</small></div>"
        for block in blocks
    ]
    kept = sum(block.is_kept for block in blocks)
    counts = Counter(block.reason for block in blocks if block.reason is not None)
    dropped = "".join(f", {escape(reason)} {count}" for reason, count in counts.most_common())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(url)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(url)}</h1><p>{kept} of {len(blocks)} blocks kept{dropped}</p>{''.join(rows)}</html>\n"
    )


def _explained(block: Block, reading: Reading, passed_over: str | None) -> ExplainedBlock:
    path = " > ".join(frame.label for frame in reversed(block.frame.ancestors(4)))
    return ExplainedBlock(
        text=plain_line(block.text),
        tag=block.tag,
        path=path,
        reason=reading.reason(block) or passed_over,
        link_share=round(block.link_share, 2),
        may_return=reading.may_return(block),
    )
