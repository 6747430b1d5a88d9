"""The outer shell: settings, logging, wiring, and the doors through which people come in."""
