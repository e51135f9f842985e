"""News pages as fifteen kinds of news systems make them, all of one story in eleven languages."""
