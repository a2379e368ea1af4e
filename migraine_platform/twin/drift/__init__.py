"""Whether a patient has changed since the twin got to know him, and since when."""
