-- Figures of each model on each split, over all days that it forecast, computed anew from the raw forecasts: what evaluation.metrics must say of subset all.
-- split: Which days are forecast
-- model: Model
-- days: Forecast days [days]
-- patients: Patients with such days
-- threshold: A forecast from here on is a warning [share]
-- log_loss: Mean log loss [nats]
-- expected_log_loss: The same against what the whole state would forecast [nats]
-- brier: Brier score
-- brier_reliability: Mean squared distance of said and realised shares, over tenths
-- brier_resolution: Mean squared distance of the tenths' shares from the overall one
-- brier_uncertainty: Share of migraine days times share of the others
-- ece: Mean distance of said and realised shares, over tenths [share]
-- calibration_error: The same as ece [share]
-- auc_roc: Area under the ROC curve, all patients together
-- auc: The same as auc_roc
-- auc_within: Mean of the patients' own areas
-- pr_auc: Average precision
-- average_precision: The same as pr_auc
-- sensitivity: Of the migraine days, how many were warned of [share]
-- specificity: Of the others, how many were not [share]
-- ppv: Of the warnings, how many came true [share]
-- npv: Of days without a warning, how many were calm [share]
-- f1: Harmonic mean of precision and recall
-- diagnostic_odds_ratio: Odds of a warning on migraine days over those on others
-- warning_rate: Of all days, how many were warned of [share]
-- net_benefit: Migraine days warned of less false warnings at the threshold's odds, per day
-- lead_time: Mean hours by which an attack is warned of, 0 without a warning, at warnings of one in five days without migraine [h]
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
        avg(came) OVER (PARTITION BY split, model ORDER BY p DESC) AS precision_from_here,
        sum(1 - came) OVER (PARTITION BY split, model ORDER BY p DESC) AS others_from_here,
        sum(1 - came) OVER (PARTITION BY split, model, p) AS others_of_equals,
        0.2::DOUBLE * sum(1 - came) OVER (PARTITION BY split, model) AS most_false_alarms
    FROM said
),

warned_at_rate AS ( -- the share of a day's equals that is warned of, when one in five of the others is
    SELECT
        *,
        CASE
            WHEN others_from_here <= most_false_alarms THEN 1
            ELSE coalesce(
                greatest(0, most_false_alarms - (others_from_here - others_of_equals)) / nullif(others_of_equals, 0), 0
            )
        END AS share_warned
    FROM ranked
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
        sum(hours_ahead * share_warned) / nullif(count(hours_ahead), 0) AS lead_time,
        (sum(midrank) FILTER (migraine) - sum(came) * (sum(came) + 1) / 2)
        / nullif(sum(came) * sum(1 - came), 0) AS auc_roc,
        avg(precision_from_here) FILTER (migraine) AS pr_auc
    FROM warned_at_rate
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
    ece AS calibration_error,
    auc_roc,
    auc_roc AS auc,
    auc_within,
    pr_auc,
    pr_auc AS average_precision,
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
