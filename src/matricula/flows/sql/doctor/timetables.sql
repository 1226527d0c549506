-- By its first and last day, to two days: the exact moments are worked out by the clocks of zones.
WITH met AS (
    SELECT m.cohort_id, min(d) AS first, max(d) AS last
      FROM catalog_cohortmeeting m
     CROSS JOIN LATERAL generate_series(
           m.first_day, CASE WHEN m.weekdays = '{}' THEN m.first_day ELSE m.last_day END,
           interval '1 day') AS d
     WHERE m.weekdays = '{}'
        OR extract(isodow FROM d) = ANY (m.weekdays) AND d::date <> ALL (m.skipped)
     GROUP BY m.cohort_id)
SELECT format('cohort %s meets from %s to %s, its timetable says %s to %s',
              coalesce(met.cohort_id, t.cohort_id), met.first::date, met.last::date,
              lower(t.busy), upper(t.busy)) AS detail
  FROM met FULL JOIN catalog_timetable t ON t.cohort_id = met.cohort_id
 WHERE met.cohort_id IS NULL OR t.cohort_id IS NULL
    OR abs(extract(epoch FROM lower(t.busy) - met.first)) > 2 * 86400
    OR abs(extract(epoch FROM upper(t.busy) - met.last)) > 3 * 86400
