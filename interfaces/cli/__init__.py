"""The command line ``commissions``: one small module for each family of commands."""
