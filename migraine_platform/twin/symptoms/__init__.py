"""How a patient's symptoms progress: phases of attacks, time to the next, signs that announce it."""
