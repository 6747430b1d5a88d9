"""Tests of the vocabulary: types, envelope, codec, upcasting and schemas."""
