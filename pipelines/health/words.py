"""Reasons in words: what the names in `runs` mean to a person."""

import re
from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "bad_address": "an address that is none",
    "bad_encoding": "the body is not what its encoding says",
    "bad_port": "a port at which no web server may be",
    "bad_redirect": "redirects lead nowhere",
    "bad_response": "the answer is not HTTP",
    "bad_content_encoding": "the body is not what its encoding says",
    "bad_record": "a capture that cannot be read",
    "connection": "connection refused or broken",
    "does_not_fit_the_table": "values of a type that the tables do not hold",
    "dns": "the name of the host is not known",
    "extraction_error": "extraction failed",
    "extraction_timeout": "extraction took too long",
    "foreign_site": "links to other sites",
    "garbled_text": "text that cannot be read",
    "host_busy": "the host asked us to come back later",
    "http_401": "a login is asked for (HTTP 401)",
    "http_403": "access is forbidden (HTTP 403)",
    "http_404": "not found (HTTP 404)",
    "http_410": "gone (HTTP 410)",
    "http_429": "too many requests, the site says (HTTP 429)",
    "http_451": "withheld for legal reasons (HTTP 451)",
    "http_503": "the site is overloaded or refuses us (HTTP 503)",
    "implausible_date": "a publication time more than a year ahead",
    "incomplete_body": "the body ends too early",
    "no_text": "no text",
    "nothing_due": "nothing was due",
    "not_a_feed": "not a feed",
    "not_a_sitemap": "not a sitemap",
    "not_an_article": "not an article",
    "not_html": "not HTML",
    "opt_out_noai": "the page opts out of use for AI",
    "opt_out_noarchive": "the page opts out of being archived",
    "opt_out_noimageai": "the page opts out of use of its images for AI",
    "opt_out_noindex": "the page opts out of being indexed",
    "opt_out_tdm": "the page opts out of text and data mining",
    "outside_site": "the page belongs to another site",
    "page_budget": "more pages than a run may ask for; the next run goes on",
    "private_address": "the address is not public",
    "redirect_loop": "redirects go in a circle",
    "rendering": "the browser could not show the page",
    "rendering_time": "the page's scripts took too long",
    "request_budget": "more requests than a run may make; the next run goes on",
    "resting": "it failed lately and is left in peace for a while",
    "robots": "robots.txt forbids it",
    "run_time": "the time of a run is used up; the next run goes on",
    "same_text_at_many_addresses": "the same text at many addresses",
    "status_not_ok": "an error page",
    "taken_down": "it was taken down",
    "text_too_short": "text too short",
    "timeout": "no answer in time",
    "tls": "its certificate cannot be trusted, or it has no HTTPS",
    "too_large": "too large",
    "too_many_redirects": "too many redirects",
    "wall": "articles redirect to a form (consent, login, captcha)",
    "xml_entities": "XML entities, which are refused",
}
# Of a crawl that failed: the site was there, and gave nothing all the same.
_NO_ANSWER = frozenset({"bad_response", "connection", "dns", "incomplete_body", "timeout", "tls"})
_STATUS = re.compile(r"http_(\d{3})")


def reason_in_words(reason: str) -> str:
    """A reason, or several parted by commas, as words; a text that is no such name stays."""
    return ", ".join(_one(name.strip()) for name in reason.split(",")) if reason else ""


def failure_in_words(reason: str) -> str:
    """Why a crawl got nothing, by the reason in its report: whether there was no answer, or one that gives nothing."""
    what = "does not answer" if is_no_answer(reason) else "gives nothing"
    return f"{what}: {reason_in_words(reason)}" if reason else what


def is_no_answer(reason: str) -> bool:
    """Whether a report's reason for a failed crawl, if it has one, means that nobody answered."""
    return not reason or cause_of(reason) in _NO_ANSWER


def cause_of(reason: str) -> str:
    """The first name in a report's reason."""
    return reason.partition(",")[0].strip()


def _one(name: str) -> str:
    status = _STATUS.fullmatch(name)
    if name in _WORDS:
        return _WORDS[name]
    if status:
        return f"HTTP {status[1]}"
    return name.replace("_", " ") if re.fullmatch(r"[a-z_]+", name) else name


def counts_in_words(counts: Mapping[str, int], most: int = 3) -> str:
    """The largest counts by reason, as "robots.txt forbids it 12, not found (HTTP 404) 3"."""
    largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [f"{reason_in_words(name)} {count}" for name, count in largest[:most]]
    rest = sum(count for _, count in largest[most:])
    return ", ".join([*words, *([f"others {rest}"] if rest else [])])
