"""Figures of forecasts. Begin with `metrics`, where each is declared; `totals` sums days, `bootstrap` says how sure."""
