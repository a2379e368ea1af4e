"""What a patient's triggers do: causal assumptions, sensitivities, thresholds, interactions."""
