"""What is published: decisions and dead letters, on a real broker."""
