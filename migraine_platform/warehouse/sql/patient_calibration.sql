-- What each patient's twin said of days whose outcome was recorded, and what came: is it right about this person?
-- patient_id: Patient
-- forecasts: Forecasts whose outcome was recorded; the newest of a day counts [days]
-- reported_days: Of these days, those that a file from outside speaks of [days]
-- said: Mean probability that was said [share]
-- came: Share of these days that were migraine days [share]
-- brier: Mean squared distance of forecast and outcome
-- log_loss: Mean log loss [nats]
WITH told AS (
    SELECT DISTINCT ON (patient_id, for_date) patient_id, for_date, probability, outcome
    FROM twin.audit
    WHERE event <> 'forecast' AND population IN (
        SELECT a.population FROM twin.audit AS a JOIN twin.twins AS t USING (patient_id, twin_version)
    )
    ORDER BY patient_id, for_date, made_on DESC, event = 'correction' DESC, twin_version
)

SELECT
    t.patient_id,
    count(*) AS forecasts,
    count(*) FILTER (r.reported) AS reported_days,
    avg(t.probability) AS said,
    avg(t.outcome) AS came,
    avg((t.probability - t.outcome) ** 2) AS brier,
    avg(-ln(greatest(1e-6, CASE WHEN t.outcome = 1 THEN t.probability ELSE 1 - t.probability END))) AS log_loss
FROM told AS t
LEFT JOIN recorded.patient_days AS r ON r.patient_id = t.patient_id AND r.date = t.for_date
GROUP BY t.patient_id
ORDER BY t.patient_id
