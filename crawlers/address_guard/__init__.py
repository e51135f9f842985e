"""Refuses addresses that are not public, on the resolved address of every connection.

In: host names, as the crawl meets them in links, redirects, robots.txt and retries. Out: only addresses that may be
connected to. `addresses` decides; `resolver` stands where every connection of the reactor gets its addresses from.
"""
