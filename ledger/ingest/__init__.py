"""What comes in: files and streams of messages, and the letters that could not be delivered."""
