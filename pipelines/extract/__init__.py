"""HTML of one page -> the article on it.

In: a RawPage as it was captured. Out: an ExtractedPage, or a Dropped that says why there is none. Never touches network
or storage; the same bytes and the same template give the same answer in any year.

    draft_page(page) -> Draft          dear, one page alone: parse, weigh, judge, read the facts
    finish_page(draft, template)       cheap: takes out what the site repeats
    extract_text, extract_site         the text alone, of one page or of several pages of one site
    explain_page(html, url)            every block with what became of it, for people
"""

from pipelines.extract.draft import EXTRACTOR, MIN_TEXT_CHARS, Draft, draft_page, dropped, finish_page
from pipelines.extract.explain import ExplainedBlock, explain_page, explanation_html
from pipelines.extract.text import extract_site, extract_text

__all__ = [
    "EXTRACTOR",
    "MIN_TEXT_CHARS",
    "Draft",
    "ExplainedBlock",
    "draft_page",
    "dropped",
    "explain_page",
    "explanation_html",
    "extract_site",
    "extract_text",
    "finish_page",
]
