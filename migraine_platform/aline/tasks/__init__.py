"""Tasks. Begin with `task`, what every task gives; `migraine_window` is the one that the platform uses."""
