-- Onsets on the day after each trigger, against days after none of that kind (association, not effect: patients differ).
-- trigger: Trigger
-- days_with: Days on which it happened and whose next day is known [days]
-- onset_share_after: Of the days after them, how many had an onset [share]
-- onset_share_otherwise: The same of all other days [share]
-- difference: The one less the other [share]
WITH days AS (
    SELECT *, NULL::BOOLEAN AS no_trigger  -- dropped below; else a project without triggers has nothing to unpivot
    FROM cohort.patient_days
),

long AS (
    UNPIVOT (
        SELECT
            patient_id,
            lead(onset) OVER (PARTITION BY patient_id ORDER BY date) AS onset_next_day,
            COLUMNS('(.*)_trigger') AS '\1'
        FROM days
    )
    ON COLUMNS(* EXCLUDE (patient_id, onset_next_day))
    INTO NAME trigger VALUE happened
)

SELECT
    trigger,
    count(*) FILTER (happened) AS days_with,
    avg(onset_next_day::INT) FILTER (happened) AS onset_share_after,
    avg(onset_next_day::INT) FILTER (NOT happened) AS onset_share_otherwise,
    onset_share_after - onset_share_otherwise AS difference
FROM long
WHERE onset_next_day IS NOT NULL
GROUP BY trigger
ORDER BY trigger
