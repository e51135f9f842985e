"""What is remembered of a source between runs, as values and as JSON."""

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pipelines.errors import StorageError

WEEK_HOURS = 168
MOOD_HALF_LIFE = timedelta(hours=3)
FORGOTTEN = timedelta(days=30)  # sitemaps by month come and go
SHARE_PRIOR = 0.2  # links; an unproven document counts as the only one


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentHistory:
    """What was learned of one index document; counts are of links, and older ones count less.

    `chances`: links the source published while the document was watched; `listed`: those of them it showed; `credit`:
    those it alone showed in time. `arrivals` is the source's count when it last answered.
    """

    url: str
    asked_at: datetime
    answers: int = 0
    fails: int = 0
    length: int = 0
    chances: float = 0.0
    listed: float = 0.0
    credit: float = 0.0
    arrivals: float = 0.0
    hint_seconds: float | None = None

    @property
    def share(self) -> float:
        """The part of the source's new links that only this document gives, or gives first."""
        return min(1.0, (self.credit + SHARE_PRIOR) / (self.chances + SHARE_PRIOR))

    @property
    def coverage(self) -> float:
        """The part of the source's new links that it shows at all."""
        return min(1.0, (self.listed + SHARE_PRIOR) / (self.chances + SHARE_PRIOR))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHistory:
    """What was learned of a source: links and hours watched by hour of the week, its mood, its documents.

    `recent` and `expected` are the links of the last hours and those the profile foretold. `overrun_at`: when a
    document last showed nothing but new links, so that others may have fallen out of it unseen.
    """

    updated_at: datetime | None = None
    links: tuple[float, ...] = (0.0,) * WEEK_HOURS
    hours: tuple[float, ...] = (0.0,) * WEEK_HOURS
    recent: float = 0.0
    expected: float = 0.0
    unheard: float = 0.0
    arrivals: float = 0.0
    overrun_at: datetime | None = None
    documents: tuple[DocumentHistory, ...] = field(default=())

    def document(self, url: str) -> DocumentHistory | None:
        return next((document for document in self.documents if document.url == url), None)


def merge_histories(ours: SourceHistory, theirs: SourceHistory) -> SourceHistory:
    """Two that were learned side by side: the later one, with the later history of every document."""

    def rank(history: SourceHistory) -> tuple[bool, str, str]:
        return (history.updated_at is not None, str(history.updated_at), dump_history(history))

    first, second = sorted((ours, theirs), key=rank)
    documents = {document.url: document for document in first.documents}
    for document in second.documents:
        before = documents.get(document.url)
        documents[document.url] = document if before is None or before.asked_at <= document.asked_at else before
    latest = second.updated_at
    kept = [document for document in documents.values() if latest is None or latest - document.asked_at <= FORGOTTEN]
    return replace(second, documents=tuple(kept))


def dump_history(history: SourceHistory) -> str:
    """The history as JSON, 2 to 4 kB."""

    def plain(value: object) -> object:
        assert isinstance(value, datetime)
        return value.isoformat()

    def rounded(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.6g}")
        if isinstance(value, dict):
            return {key: rounded(part) for key, part in value.items()}
        return [rounded(part) for part in value] if isinstance(value, tuple | list) else value

    return json.dumps(rounded(asdict(history)), default=plain, separators=(",", ":"))


def load_history(text: str) -> SourceHistory:
    """What `dump_history` wrote. Raises StorageError for anything else."""
    try:
        fields = json.loads(text)
        documents = [
            DocumentHistory(**{**document, "asked_at": datetime.fromisoformat(document["asked_at"])})
            for document in fields.pop("documents")
        ]
        moments = {name: fields[name] and datetime.fromisoformat(fields[name]) for name in ("updated_at", "overrun_at")}
        profile = {name: tuple(map(float, fields[name])) for name in ("links", "hours")}
        history = SourceHistory(**{**fields, **moments, **profile, "documents": tuple(documents)})
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise StorageError(f"A revisit history cannot be read: {cause}.") from cause
    if len(history.links) != WEEK_HOURS or len(history.hours) != WEEK_HOURS:
        raise StorageError("A revisit history cannot be read: its week has not 168 hours.")
    return history
