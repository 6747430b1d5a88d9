"""Files in, dead letters."""
