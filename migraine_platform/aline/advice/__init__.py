"""Questions for one patient. Begin with `interview`; `advice` is what the network says, `replies` reads answers."""
