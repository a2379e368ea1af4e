"""Training. Begin with `training`; `objectives` is what is minimised, `checkpoints` what is kept."""
