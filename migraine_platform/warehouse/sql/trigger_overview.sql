-- Triggers at a glance: the configured rule, how often it happens, what it does, and how well twins find it.
-- trigger: Trigger
-- rule: Which values of its exposures are a trigger
-- days: Share of patients' days on which it happened [share]
-- configured_effect: Rise of the next day's probability of an onset at susceptibility 1, as configured [share]
-- susceptible: Share of patients whose susceptibility is in the upper third of its range, by the truth [share]
-- named: Share of patients for whom their twin names it [share]
-- auc: How well the twins' figures tell the susceptible from the others; 0.5 is guessing [share]
WITH days AS (
    SELECT *, NULL::BOOLEAN AS no_trigger  -- dropped below; else a project without triggers has nothing to unpivot
    FROM cohort.patient_days
),

happened AS (
    UNPIVOT (SELECT avg(COLUMNS('(.*)_trigger')::INT) AS '\1' FROM days)
    ON COLUMNS(*) INTO NAME trigger VALUE days
),

recovered AS (
    PIVOT (SELECT trigger, metric, value FROM evaluation.trigger_recovery)
    ON metric IN ('auc', 'prevalence', 'share_found') USING any_value(value)
)

SELECT
    trigger,
    words AS rule,
    days,
    effect AS configured_effect,
    prevalence AS susceptible,
    share_found AS named,
    auc
FROM priors.triggers
JOIN happened USING (trigger)
LEFT JOIN recovered USING (trigger)
ORDER BY effect DESC, trigger
