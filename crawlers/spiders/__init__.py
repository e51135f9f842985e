"""Scrapy spiders: the generic news spider, and one module for a source that needs code."""
