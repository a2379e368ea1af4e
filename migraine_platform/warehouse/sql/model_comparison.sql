-- The models of each split side by side, best log loss first: figures over all days with their 95 % intervals, as text for people.
-- split: Which days are forecast
-- title: Model, for people
-- kind: A floor knows no patient; a ceiling knows the truth
-- days: Forecast days [days]
-- patients: Patients with such days
-- log_loss: Mean log loss with its 95 % interval, as text [nats]
-- expected_log_loss: The same against the whole state, as text [nats]
-- brier: Brier score, as text
-- calibration_error: Mean distance of said and realised shares, as text [share]
-- auc: Area under the ROC curve, as text
-- auc_within_patients: Mean of the patients' own areas, as text
-- average_precision: Average precision, as text
-- sensitivity: Of the migraine days, how many were warned of, as text [share]
-- specificity: Of the others, how many were not, as text [share]
-- ppv: Of the warnings, how many came true, as text [share]
-- npv: Of days without a warning, how many were calm, as text [share]
-- f1: Harmonic mean of precision and recall, as text
-- lead_time_hours: Mean hours by which an attack is warned of, 0 without a warning, at warnings of one in five days without migraine, as text [h]
WITH written AS (
    SELECT
        split,
        model,
        metric,
        value,
        days,
        patients,
        CASE
            WHEN value IS NULL THEN 'not known'
            WHEN lower IS NULL OR upper IS NULL THEN format('{:.3f}', value)
            ELSE format('{:.3f} ({:.3f} to {:.3f})', value, lower, upper)
        END AS figure
    FROM evaluation.metrics
    WHERE subset = 'all'
)

SELECT
    w.split,
    m.title,
    m.kind,
    any_value(w.days) AS days,
    any_value(w.patients) AS patients,
    any_value(w.figure) FILTER (w.metric = 'log_loss') AS log_loss,
    any_value(w.figure) FILTER (w.metric = 'expected_log_loss') AS expected_log_loss,
    any_value(w.figure) FILTER (w.metric = 'brier') AS brier,
    any_value(w.figure) FILTER (w.metric = 'ece') AS calibration_error,
    any_value(w.figure) FILTER (w.metric = 'auc_roc') AS auc,
    any_value(w.figure) FILTER (w.metric = 'auc_within') AS auc_within_patients,
    any_value(w.figure) FILTER (w.metric = 'pr_auc') AS average_precision,
    any_value(w.figure) FILTER (w.metric = 'sensitivity') AS sensitivity,
    any_value(w.figure) FILTER (w.metric = 'specificity') AS specificity,
    any_value(w.figure) FILTER (w.metric = 'ppv') AS ppv,
    any_value(w.figure) FILTER (w.metric = 'npv') AS npv,
    any_value(w.figure) FILTER (w.metric = 'f1') AS f1,
    any_value(w.figure) FILTER (w.metric = 'lead_time') AS lead_time_hours
FROM written AS w
JOIN evaluation.models AS m USING (split, model)
GROUP BY w.split, w.model, m.title, m.kind
ORDER BY
    list_position(['chronological', 'unseen_patients', 'real_chronological', 'real_unseen_patients'], w.split),
    any_value(w.value) FILTER (w.metric = 'log_loss') NULLS LAST,
    m.title
