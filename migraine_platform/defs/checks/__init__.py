"""Asset checks: `audits` block what is broken, `promotion` decides what is used, `drift` warns."""
