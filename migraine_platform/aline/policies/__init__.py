"""Rules that choose the next question. Begin with `policies`; `window_rules` are those that need a day's hours."""
