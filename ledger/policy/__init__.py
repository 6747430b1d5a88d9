"""The programme: its model, its file format, and the version in force on a day."""
