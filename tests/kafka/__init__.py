"""A Kafka broker of the tests' own, and what is tested on it."""
