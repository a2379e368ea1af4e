"""One page about one patient, for the clinician and the patient. Begin with `page`."""
