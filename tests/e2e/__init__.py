"""Whole journeys through the command line, in processes of their own."""
