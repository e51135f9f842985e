"""What stands between spider and network: robots.txt, politeness, retries, bounds, and names for what went wrong."""
