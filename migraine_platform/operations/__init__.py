"""How the platform tells people that it is well or not: facts, a verdict, a page, a message. No orchestrator here."""
