"""From the clinician's table to priors: features, distributions, impact scores, normaliser, mock distribution."""
