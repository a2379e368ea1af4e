"""Randomness: counter-based draws (`streams`), the normal quantile (`normal`), quantile tables (`quantiles`)."""
