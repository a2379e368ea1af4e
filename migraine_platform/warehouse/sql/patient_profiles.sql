-- One row per patient: profile, realised migraine days a month, attacks, and how often each trigger happened.
-- patient_id: Patient
-- patient_batch: Partition the patient belongs to
-- age: Age [years]
-- sex: M or F
-- menstruates: Has a menstrual cycle
-- is_chronic: 15 migraine days a month or more, by the profile
-- has_aura: Some of the attacks come with an aura
-- base_frequency: Share of migraine days, by the profile [share]
-- site_id: Where the patient lives
-- profile_days_a_month: Migraine days a month by the profile [days]
-- realised_days_a_month: Those that came [days]
-- attacks: Attacks of the whole history
-- median_duration_hours: Median duration of the headaches [h]
-- mean_severity: Mean severity of the attacks [points]
-- {trigger}_trigger_share: {label}: share of days [share]
WITH attacks AS (
    SELECT
        patient_id,
        count(*) AS attacks,
        median(duration_hours) AS median_duration_hours,
        avg(severity) AS mean_severity
    FROM cohort.attacks
    GROUP BY patient_id
),

days AS (
    SELECT *, NULL::BOOLEAN AS no_trigger  -- taken out below; else a project without triggers has nothing to average
    FROM cohort.patient_days
),

profiles AS (
    SELECT
        p.*,
        30 * p.base_frequency AS profile_days_a_month,
        30 * avg(d.has_migraine::INT) AS realised_days_a_month,
        coalesce(any_value(a.attacks), 0) AS attacks,
        any_value(a.median_duration_hours) AS median_duration_hours,
        any_value(a.mean_severity) AS mean_severity,
        avg(COLUMNS('.*_trigger')::INT) AS '\0_share'
    FROM cohort.patients AS p
    JOIN days AS d USING (patient_id)
    LEFT JOIN attacks AS a USING (patient_id)
    GROUP BY ALL
)

SELECT * EXCLUDE (no_trigger_share)
FROM profiles
ORDER BY patient_id
