"""What on a page is no part of the article: rules on lines of text, and on the names of elements.

`clean_text` takes text scraped by anybody, without its page. `clutter_kind` judges one line and `markup_kind` one
element; extraction uses them beside what the page's layout and the site's template say. The phrases are data, in
clutter_phrases.toml.
"""

from pipelines.clutter.markup import MarkupKind, kind_names, markup_kind
from pipelines.clutter.phrases import Phrase, clutter_kind, opens_tail, phrases
from pipelines.clutter.text import clean_lines, clean_text, cut_title_suffix, plain_line

__all__ = [
    "MarkupKind",
    "Phrase",
    "clean_lines",
    "clean_text",
    "clutter_kind",
    "cut_title_suffix",
    "kind_names",
    "markup_kind",
    "opens_tail",
    "phrases",
    "plain_line",
]
