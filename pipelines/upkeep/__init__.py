"""Everything that rewrites what is already in the archive, each step as an entry of its journal.

compact      joins small files, removes what nobody needs any more (old captures, if asked), publishes what came late
takedown     takes a page, an article or a source out of tables, old versions and captures, for good
reextract    makes the rows of some days anew from their captures, with today's extractor
"""

from pipelines.upkeep.compaction import CompactSummary, compact
from pipelines.upkeep.reextraction import ReextractReport, TextChange, reextract
from pipelines.upkeep.takedowns import TakedownSummary, takedown

__all__ = ["CompactSummary", "ReextractReport", "TakedownSummary", "TextChange", "compact", "reextract", "takedown"]
