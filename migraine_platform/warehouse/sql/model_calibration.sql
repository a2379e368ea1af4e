-- What each model said and what came, by tenths of the probability, computed anew from the raw forecasts; intervals are Wilson's at as many independent days as the variance between patients leaves.
-- split: Which days are forecast
-- model: Model
-- bin: Tenth of the probability, 0 the lowest
-- days: Forecast days in it [days]
-- patients: Patients with such days
-- said: Mean probability that was said [share]
-- came: Share of them that were migraine days [share]
-- lower: Lower end of the 95 % interval of that share [share]
-- upper: Its upper end [share]
WITH by_patient AS (
    SELECT
        f.split,
        f.model,
        least(floor(10 * f.probability), 9)::BIGINT AS bin,
        f.patient_id,
        count(*) AS days,
        sum(f.probability) AS said,
        sum(d.migraine::INT) AS came
    FROM evaluation.forecasts AS f
    JOIN evaluation.days AS d USING (split, patient_id, for_date)
    GROUP BY ALL
),

bins AS (
    SELECT
        split,
        model,
        bin,
        count(*) AS patients,
        sum(days)::BIGINT AS days,
        least(sum(said) / sum(days), 1) AS said,
        sum(came) / sum(days) AS came
    FROM by_patient
    GROUP BY split, model, bin
),

variances AS (
    SELECT
        split,
        model,
        bin,
        any_value(b.patients) / nullif(any_value(b.patients) - 1, 0)
        * sum((p.came - b.came * p.days) ** 2) / any_value(b.days) ** 2 AS variance
    FROM by_patient AS p
    JOIN bins AS b USING (split, model, bin)
    GROUP BY split, model, bin
),

worth AS ( -- z2: squared 97.5 % quantile of the normal over the number of independent days
    SELECT
        b.*,
        1.959963984540054 ** 2 / CASE
            WHEN patients = 1 OR came IN (0, 1) THEN patients
            WHEN variance > 0 THEN least(days, came * (1 - came) / variance)
            ELSE days
        END AS z2
    FROM bins AS b
    JOIN variances USING (split, model, bin)
)

SELECT
    split,
    model,
    bin,
    days,
    patients,
    said,
    came,
    greatest(0, (came + z2 / 2 - sqrt(z2 * came * (1 - came) + z2 ** 2 / 4)) / (1 + z2)) AS lower,
    least(1, (came + z2 / 2 + sqrt(z2 * came * (1 - came) + z2 ** 2 / 4)) / (1 + z2)) AS upper
FROM worth
ORDER BY
    list_position(['chronological', 'unseen_patients', 'real_chronological', 'real_unseen_patients'], split),
    model,
    bin
