"""What ALINE is trained on: each module simulates one task."""
