"""A year of a partner programme, drawn and not measured: the same on every machine."""
