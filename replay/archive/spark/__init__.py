"""An archive on Apache Spark: questions as of a place, and its log decided again part by part."""
