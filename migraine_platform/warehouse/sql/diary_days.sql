-- Recorded days for an analyst: is there an entry, what does it say, and where in the cycle does the day lie?
-- patient_id: Patient
-- date: Day
-- has_entry: The diary has an entry: migraine by the evening is told, or that there was none
-- reported: A file from outside speaks of the day
-- has_migraine: Migraine day, as recorded [may be null]
-- onset: A headache began, as recorded [may be null]
-- acute_medication: An acute drug was taken, as recorded [may be null]
-- headache_at_evening: A headache was there at 20:00, as recorded [may be null]
-- cycle_day: Day of the menstrual cycle, 1 the first of menses [may be null]
-- cycle_phase: Perimenstrual is from two days before menses to the third day of them, late luteal the five days before that; null while the next menses are not known [may be null]
WITH starts AS (
    SELECT DISTINCT patient_id, date - CAST(cycle_day - 1 AS INTEGER) AS start
    FROM recorded.patient_days
    WHERE cycle_day IS NOT NULL
),

days AS (
    SELECT d.*, s.start - d.date AS to_menses
    FROM recorded.patient_days AS d
    ASOF LEFT JOIN starts AS s ON d.patient_id = s.patient_id AND d.date < s.start
)

SELECT
    patient_id,
    date,
    migraine_by_evening IS NOT NULL AS has_entry,
    reported,
    has_migraine,
    onset,
    acute_medication,
    headache_at_evening,
    cycle_day,
    CASE
        WHEN cycle_day IS NULL THEN NULL
        WHEN cycle_day <= 3 OR to_menses <= 2 THEN 'perimenstrual'
        WHEN cycle_day <= 5 THEN 'menses'
        WHEN cycle_day <= 13 THEN 'follicular'
        WHEN to_menses IS NULL THEN NULL
        WHEN to_menses <= 7 THEN 'late luteal'
        ELSE 'luteal'
    END AS cycle_phase
FROM days
ORDER BY patient_id, date
