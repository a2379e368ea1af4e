"""What models are worth: forecasts held against what came, real diaries, reports that people read."""
