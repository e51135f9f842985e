"""What a page says of its article besides the text: title, authors, dates, addresses, language, opt-outs.

In: the page's tree, its headers and what the link to it said. Out: `PageFacts`, each field None where nothing was said.
"""

from pipelines.metadata.agency import find_agency
from pipelines.metadata.authors import named_authors, names_in
from pipelines.metadata.facts import PageMatter, find_canonical, read_facts, read_matter, site_names
from pipelines.metadata.head import inner_text
from pipelines.metadata.jsonld import text_of, types_of
from pipelines.metadata.language import detect_language
from pipelines.metadata.titles import cut_site_name, headings

__all__ = [
    "PageMatter",
    "cut_site_name",
    "detect_language",
    "find_agency",
    "find_canonical",
    "headings",
    "inner_text",
    "named_authors",
    "names_in",
    "read_facts",
    "read_matter",
    "site_names",
    "text_of",
    "types_of",
]
