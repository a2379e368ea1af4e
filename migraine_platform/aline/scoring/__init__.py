"""What a checkpoint is worth. Begin with `scorecard`; `promotion` decides whether a checkpoint may be used."""
