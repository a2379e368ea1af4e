-- One row per patient: profile, realised migraine days a month, attacks, and how often each trigger happened.
WITH attacks AS (
    SELECT
        patient_id,
        count(*) AS attacks,
        median(duration_hours) AS median_duration_hours,
        avg(severity) AS mean_severity
    FROM cohort.attacks
    GROUP BY patient_id
)

SELECT
    p.*,
    30 * p.base_frequency AS profile_days_a_month,
    30 * avg(d.has_migraine::INT) AS realised_days_a_month,
    coalesce(any_value(a.attacks), 0) AS attacks,
    any_value(a.median_duration_hours) AS median_duration_hours,
    any_value(a.mean_severity) AS mean_severity,
    avg(d.weather_trigger::INT) AS weather_trigger_share,
    avg(d.sleep_trigger::INT) AS sleep_trigger_share,
    avg(d.stress_trigger::INT) AS stress_trigger_share,
    avg(d.diet_trigger::INT) AS diet_trigger_share
FROM cohort.patients AS p
JOIN cohort.patient_days AS d USING (patient_id)
LEFT JOIN attacks AS a USING (patient_id)
GROUP BY ALL
ORDER BY p.patient_id
