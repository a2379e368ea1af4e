-- Figures of each model on each split, over all days that it forecast, computed anew from the raw forecasts: what evaluation.metrics must say of subset all.
WITH said AS (
    SELECT
        f.split,
        f.model,
        f.patient_id,
        f.probability AS p,
        greatest(1e-6, least(1 - 1e-6, f.probability)) AS kept, -- log losses keep away from 0 and 1
        d.migraine,
        d.migraine::INT AS came,
        d.full_state,
        d.hours_ahead,
        m.threshold,
        f.probability >= m.threshold AS warned
    FROM evaluation.forecasts AS f
    JOIN evaluation.days AS d USING (split, patient_id, for_date)
    JOIN evaluation.models AS m USING (split, model)
),

ranked AS ( -- midranks make ties count half; a window's default frame holds all rows of equal p
    SELECT
        *,
        rank() OVER (PARTITION BY split, model ORDER BY p)
        + (count(*) OVER (PARTITION BY split, model, p) - 1) / 2 AS midrank,
        rank() OVER (PARTITION BY split, model, patient_id ORDER BY p)
        + (count(*) OVER (PARTITION BY split, model, patient_id, p) - 1) / 2 AS own_midrank,
        avg(came) OVER (PARTITION BY split, model ORDER BY p DESC) AS precision_from_here
    FROM said
),

own AS (
    SELECT
        split,
        model,
        (sum(own_midrank) FILTER (migraine) - sum(came) * (sum(came) + 1) / 2)
        / nullif(sum(came) * sum(1 - came), 0) AS auc
    FROM ranked
    GROUP BY split, model, patient_id
),

within_patients AS (
    SELECT split, model, avg(auc) AS auc_within FROM own GROUP BY split, model
),

bins AS (
    SELECT split, model, least(floor(10 * p), 9) AS bin, count(*) AS days, sum(p) AS said, sum(came) AS came
    FROM said
    GROUP BY ALL
),

calibrated AS (
    SELECT
        split,
        model,
        sum(abs(said - came)) / sum(days) AS ece,
        sum((said - came) ** 2 / days) / sum(days) AS brier_reliability,
        sum(came ** 2 / days) / sum(days) - (sum(came) / sum(days)) ** 2 AS brier_resolution
    FROM bins
    GROUP BY split, model
),

counted AS (
    SELECT
        split,
        model,
        any_value(threshold) AS threshold,
        count(*) AS days,
        count(DISTINCT patient_id) AS patients,
        count(*) FILTER (migraine) AS migraine_days,
        count(*) FILTER (migraine AND warned) AS hits,
        count(*) FILTER (migraine AND NOT warned) AS misses,
        count(*) FILTER (NOT migraine AND warned) AS false_alarms,
        count(*) FILTER (NOT migraine AND NOT warned) AS quiet,
        avg(-ln(CASE WHEN migraine THEN kept ELSE 1 - kept END)) AS log_loss,
        avg(-(full_state * ln(kept) + (1 - full_state) * ln(1 - kept))) AS expected_log_loss,
        avg((p - came) ** 2) AS brier,
        avg(hours_ahead) FILTER (warned) AS lead_time,
        (sum(midrank) FILTER (migraine) - sum(came) * (sum(came) + 1) / 2)
        / nullif(sum(came) * sum(1 - came), 0) AS auc_roc,
        avg(precision_from_here) FILTER (migraine) AS pr_auc
    FROM ranked
    GROUP BY split, model
)

SELECT
    split,
    model,
    days,
    patients,
    threshold,
    log_loss,
    expected_log_loss,
    brier,
    brier_reliability,
    brier_resolution,
    migraine_days / days * (1 - migraine_days / days) AS brier_uncertainty,
    ece,
    auc_roc,
    auc_within,
    pr_auc,
    hits / nullif(migraine_days, 0) AS sensitivity,
    quiet / nullif(days - migraine_days, 0) AS specificity,
    hits / nullif(hits + false_alarms, 0) AS ppv,
    quiet / nullif(quiet + misses, 0) AS npv,
    2 * hits / nullif(2 * hits + false_alarms + misses, 0) AS f1,
    CASE
        WHEN least(hits + misses, false_alarms + quiet, hits + false_alarms, misses + quiet) > 0
        THEN (hits + 0.5::DOUBLE) * (quiet + 0.5::DOUBLE) / ((false_alarms + 0.5::DOUBLE) * (misses + 0.5::DOUBLE))
    END AS diagnostic_odds_ratio,
    (hits + false_alarms) / days AS warning_rate,
    hits / days - false_alarms / days * threshold / nullif(1 - threshold, 0) AS net_benefit,
    lead_time
FROM counted
JOIN within_patients USING (split, model)
JOIN calibrated USING (split, model)
ORDER BY list_position(['chronological', 'unseen_patients', 'real_chronological', 'real_unseen_patients'], split), model
