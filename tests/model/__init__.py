"""The second engine: naive, slow, obviously right, and written only for the tests."""
