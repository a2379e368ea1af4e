"""How runs are carried out: `launch` from a terminal, `executors` one at a time, `dead_runs` when a process is gone."""
