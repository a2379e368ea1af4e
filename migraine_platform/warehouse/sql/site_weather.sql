-- Weather by site, the real station beside the simulated ones: means, and the share of days on which pressure fell by 5 hPa or more.
-- site_id: Site
-- climate: Climate
-- origin: A real station, or simulated
-- days: Days [days]
-- interpolated_days: Days of which the station has no value, and its neighbours stand [days]
-- mean_temperature: Mean temperature [degC]
-- mean_pressure: Mean pressure [hPa]
-- sd_pressure: Standard deviation of the pressure [hPa]
-- share_of_falls: Days on which pressure fell by 5 hPa or more [share]
SELECT
    site_id,
    climate,
    CASE WHEN bool_or(origin = 'station') THEN 'station' ELSE 'simulated' END AS origin,
    count(*) AS days,
    count(*) FILTER (origin = 'interpolated') AS interpolated_days,
    avg(temperature) AS mean_temperature,
    avg(pressure) AS mean_pressure,
    stddev_samp(pressure) AS sd_pressure,
    avg((pressure_change_24h <= -5)::INT) AS share_of_falls
FROM cohort.site_days
GROUP BY site_id, climate
ORDER BY origin DESC, site_id
