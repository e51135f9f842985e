"""What publishing did, for the person or the task that asked for it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCounts:
    """What became of the captured pages of one source."""

    pages: int = 0
    extracted: int = 0
    new_articles: int = 0
    new_appearances: int = 0
    revised: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)

    def plus(self, other: "SourceCounts") -> "SourceCounts":
        return SourceCounts(
            pages=self.pages + other.pages,
            extracted=self.extracted + other.extracted,
            new_articles=self.new_articles + other.new_articles,
            new_appearances=self.new_appearances + other.new_appearances,
            revised=self.revised + other.revised,
            dropped=dict(Counter(self.dropped) + Counter(other.dropped)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSummary:
    """`pages` were read, `extracted` of them are articles (known ones included), `dropped` the rest by reason.

    `new_articles`: stories seen for the first time; `new_appearances`: pages; `revised`: pages whose text changed.
    """

    captures: int = 0
    pages: int = 0
    extracted: int = 0
    new_articles: int = 0
    new_appearances: int = 0
    revised: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, SourceCounts] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishProgress:
    """How far it is. The number of pages is known only once their captures are read: compare captures."""

    captures: int
    captures_extracted: int = 0
    captures_published: int = 0
    pages_extracted: int = 0
    pages_published: int = 0


def summarize(captures: int, sources: Mapping[str, SourceCounts], seconds: float) -> PublishSummary:
    """All sources together."""
    total = SourceCounts()
    for counts in sources.values():
        total = total.plus(counts)
    return PublishSummary(
        captures=captures,
        pages=total.pages,
        extracted=total.extracted,
        new_articles=total.new_articles,
        new_appearances=total.new_appearances,
        revised=total.revised,
        dropped=total.dropped,
        sources=dict(sources),
        seconds=seconds,
    )
