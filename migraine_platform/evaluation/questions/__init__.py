"""Rules of asking: `asking` holds them, `information` is what each gains, question by question."""
