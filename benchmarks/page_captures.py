"""Captures of as many news pages as wanted, made from the pages of the measuring sets.

A page of a set is one source's; every further page of that source is the same page with all telling words of its text
exchanged for others, so that it tells another story under the same template. Every `1 / COPIED`-th page is printed by
another source as well, as wire copy is.
"""

import gzip
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.page_sites import read_pages
from pipelines.capture import CaptureWriter
from pipelines.model import RawPage, SourceFacts
from pipelines.store import Store

STARTED_AT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
PAGES_A_RUN = 25
COPIED = 6
_PLAIN_WORDS = 150  # the most frequent ones stay: they tell the language, and what is prose
_TEXT = re.compile(r"(?<=>)[^<>]{40,}(?=<)|<p[ >].{40,6000}?</p>", re.DOTALL)
_FIGURE = re.compile(r"\d+")
_MARKUP = re.compile(r"<[^>]*>")
_WORD = re.compile(r"(?<![^\s(>])[^\W\d_]{4,}(?=[\s.,;:!?)<])")
_LANGUAGE = re.compile(r"<html[^>]*\blang\s*=\s*[\"']?(\w\w)")


def write_captures(store: Store, spool: Path, folders: Sequence[Path], count: int) -> int:
    """Stores captures of `count` pages, each source's in runs of PAGES_A_RUN; gives the pages' bytes."""
    originals = [page.decode("utf-8", "surrogateescape") for page in read_pages(list(folders))]
    words = _telling_words(originals)
    size = 0
    written = 0
    first = 0  # of the source's pages
    while written < count:
        most = min(PAGES_A_RUN, -(-(count - written) // len(originals)))
        for number in range(len(originals)):
            copies = range(first, first + min(most, count - written))
            if copies:
                size += _write_run(store, spool, originals, words, number, copies)
            written += len(copies)
        first += most
    return size


def _write_run(
    store: Store, spool: Path, originals: Sequence[str], words: Sequence[Sequence[str]], number: int, copies: range
) -> int:
    source = SourceFacts(
        id=f"bench-{number:03d}", name=f"Bench {number}", homepage=f"https://bench-{number:03d}.example/"
    )
    started_at = STARTED_AT + timedelta(minutes=copies.start)
    run_id = f"run-{copies.start:05d}"
    writer = CaptureWriter(store, spool, source, run_id, started_at, user_agent="worldwire/bench")
    size = 0
    for at, copy in enumerate(copies):
        is_copied = copy % COPIED == COPIED - 1
        of, told = (number - 1, copy - 1) if is_copied else (number, copy)
        body = vary(originals[of], words[of], told).encode("utf-8", "surrogateescape")
        size += len(body)
        url = f"{source.homepage}2026/11/20/some-words-that-make-a-slug-{copy:06d}.html"
        writer.write(
            RawPage(
                source=source,
                run_id=run_id,
                requested_url=url,
                url=url,
                status=200,
                headers=(("Content-Type", "text/html"), ("Content-Encoding", "gzip")),
                body=gzip.compress(body, 5, mtime=0),
                fetched_at=started_at + timedelta(seconds=at),
            )
        )
    writer.close()
    return size


def vary(page: str, words: Sequence[str], copy: int) -> str:
    """The page with every figure and telling word of its text exchanged for another, the same throughout a copy."""
    if not copy:
        return page
    shuffled = list(words)
    random.Random(copy).shuffle(shuffled)
    other = dict(zip(words, shuffled, strict=True))

    def word(found: re.Match[str]) -> str:
        new = other.get(found[0].lower(), found[0])
        return new.capitalize() if found[0][0].isupper() else new

    def figure(found: re.Match[str]) -> str:
        return str((int(found[0][:9]) + 1) * (copy + 7919) % 10 ** min(len(found[0]), 9))

    def told(text: str) -> str:
        return _FIGURE.sub(figure, _WORD.sub(word, text))

    return _TEXT.sub(lambda found: _outside_tags(found[0], told), page)


def _outside_tags(text: str, told: Callable[[str], str]) -> str:
    made, at = [], 0
    for tag in _MARKUP.finditer(text):
        made += [told(text[at : tag.start()]), tag[0]]
        at = tag.end()
    return "".join([*made, told(text[at:])])


def _telling_words(pages: Sequence[str]) -> list[list[str]]:
    """For each page the telling words of all pages of its language."""
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    languages = [found[1] if (found := _LANGUAGE.search(page)) else "en" for page in pages]
    for page, language in zip(pages, languages, strict=True):
        for text in _TEXT.findall(page):
            counted[language].update(word.lower() for word in _WORD.findall(_MARKUP.sub(" ", text)))
    telling = {
        language: sorted(words.keys() - {word for word, _ in words.most_common(_PLAIN_WORDS)})
        for language, words in counted.items()
    }
    return [telling.get(language, []) for language in languages]
