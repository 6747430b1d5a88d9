"""What each event changes in the entity of its own stream, a module for each kind of stream."""
