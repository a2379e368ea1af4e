"""What models are worth: forecasts held against outcomes, real diaries, reports that people read.

Begin with `forecasts.compared`, all models' forecasts of the same days, and `scoring.metrics`, where a metric is
declared. The groups, each of which imports only from those before it:

    forecasts    which days are scored, what is known on each evening, baselines, all models side by side
    scoring      figures with intervals, on all days and on subsets; gates before a publication
    components   what twins know of each person, held against the truth: next day's state, triggers, symptoms
    questions    information gained by rules of asking
    study        the same models on diaries of a real study
    report       the evaluation's page, its JSON, and one page a patient

Does not belong here: how one forecast is scored (forecast_scores.py), what a model computes (twin/, aline/).
"""
