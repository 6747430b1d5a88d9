"""Archives: the same answers, checks, bad input."""
