"""Imported first, for what it does, by the process that page workers are forked from: it is ours alone."""

from pipelines.without_pandas import do_without_pandas

do_without_pandas()
