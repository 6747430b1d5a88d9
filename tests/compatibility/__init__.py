"""What was written once can be read for ever."""
