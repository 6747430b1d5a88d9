"""Five stories of finance and its partners, told through the command line from end to end."""
