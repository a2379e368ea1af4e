"""Settings of the simulator. Begin with `settings`; each other module is one part of it, checked as it is read."""
