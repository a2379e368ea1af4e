"""From the clinician's table to priors: features, distributions, impact scores, normaliser, mock distribution.

Begin with `workbook.configured`, the feature table as configured, and `features`, what a feature is. Does not belong
here: days and patients (simulator/).
"""
