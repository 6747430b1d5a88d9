"""The pure engine, module by module."""
