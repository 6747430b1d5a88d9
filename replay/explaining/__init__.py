"""From a recorded event back to what it rests on: facts, rule, programme, arithmetic."""
