"""Digital twins: a personal model for every patient, batched, calibrated, explained."""
