-- The figures of model_comparison as numbers: every metric of each model and split over all days, with its 95 % interval.
-- split: Which days are forecast
-- model: Model
-- title: Model, for people
-- kind: A floor knows no patient; a ceiling knows the truth
-- metric: What is measured
-- value: Its value
-- lower: Lower end of the 95 % interval
-- upper: Its upper end
-- days: Forecast days [days]
-- patients: Patients with such days
SELECT split, model, m.title, m.kind, e.metric, e.value, e.lower, e.upper, e.days, e.patients
FROM evaluation.metrics AS e
JOIN evaluation.models AS m USING (split, model)
WHERE e.subset = 'all'
ORDER BY list_position(['chronological', 'unseen_patients', 'real_chronological', 'real_unseen_patients'], split), model, metric
