-- Migraine days by calendar month and class: patient days, share of them with migraine, the same as days a month of 30.
-- month: First day of the calendar month
-- is_chronic: Class of the patients
-- patient_days: Days of all of them [days]
-- migraine_share: Of these, how many were migraine days [share]
-- migraine_days_a_month: The same in days a month of 30 [days]
SELECT
    date_trunc('month', d.date)::DATE AS month,
    p.is_chronic,
    count(*) AS patient_days,
    avg(d.has_migraine::INT) AS migraine_share,
    30 * avg(d.has_migraine::INT) AS migraine_days_a_month
FROM cohort.patient_days AS d
JOIN cohort.patients AS p USING (patient_id)
GROUP BY ALL
ORDER BY ALL
