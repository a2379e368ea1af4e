"""Parts of a twin held against the truth: `states`, `triggers`, `symptoms`; `agreement` with a clinician's list."""
