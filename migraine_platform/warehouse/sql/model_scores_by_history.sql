-- Log loss, Brier score and AUC of each model by how many days of the patient's history there were, computed anew from the raw forecasts.
-- split: Which days are forecast
-- model: Model
-- subset: Days of the patient's history that there were
-- days: Forecast days [days]
-- patients: Patients with such days
-- log_loss: Mean log loss [nats]
-- brier: Brier score
-- auc_roc: Area under the ROC curve
-- auc: The same as auc_roc
WITH said AS (
    SELECT
        f.split,
        f.model,
        CASE
            WHEN d.history_days >= 120 THEN 'history 120+'
            WHEN d.history_days >= 60 THEN 'history 60-119'
            WHEN d.history_days >= 30 THEN 'history 30-59'
            WHEN d.history_days >= 14 THEN 'history 14-29'
        END AS subset,
        f.patient_id,
        f.probability AS p,
        greatest(1e-6, least(1 - 1e-6, f.probability)) AS kept,
        d.migraine,
        d.migraine::INT AS came
    FROM evaluation.forecasts AS f
    JOIN evaluation.days AS d USING (split, patient_id, for_date)
    WHERE d.history_days >= 14
),

ranked AS (
    SELECT
        *,
        rank() OVER (PARTITION BY split, model, subset ORDER BY p)
        + (count(*) OVER (PARTITION BY split, model, subset, p) - 1) / 2 AS midrank
    FROM said
)

SELECT
    split,
    model,
    subset,
    count(*) AS days,
    count(DISTINCT patient_id) AS patients,
    avg(-ln(CASE WHEN migraine THEN kept ELSE 1 - kept END)) AS log_loss,
    avg((p - came) ** 2) AS brier,
    (sum(midrank) FILTER (migraine) - sum(came) * (sum(came) + 1) / 2)
    / nullif(sum(came) * sum(1 - came), 0) AS auc_roc,
    auc_roc AS auc
FROM ranked
GROUP BY split, model, subset
ORDER BY
    list_position(['chronological', 'unseen_patients', 'real_chronological', 'real_unseen_patients'], split),
    model,
    list_position(['history 14-29', 'history 30-59', 'history 60-119', 'history 120+'], subset)
