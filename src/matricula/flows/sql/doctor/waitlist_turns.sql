-- A list's turn is owed from when its seat came free, which the log says; where it does not, the seat
-- was free when the list was last looked at. Only lists that were not looked at for a minute are
-- sought in the log. While registration is closed nothing is owed.
WITH due AS (
    SELECT q.cohort_id, q.length, q.looked_at, coalesce(q.looked_at, '-infinity') AS since
      FROM waitlist_queue q
      JOIN seats_seatcount s ON s.cohort_id = q.cohort_id
      JOIN catalog_cohort h ON h.id = q.cohort_id
      JOIN catalog_course c ON c.id = h.course_id AND c.status = 'published'
     WHERE s.queued AND (s.capacity IS NULL OR s.held + s.sold < s.capacity)
       AND (q.looked_at IS NULL OR q.looked_at < now() - interval '1 minute')
       AND coalesce(h.opens_at <= now() - interval '1 minute', true)
       AND coalesce(now() < registration_ends_at(
               h.closes_at, h.starts_at, h.ends_at,
               current_setting('matricula.registration_after_start')::interval), true)
), freed AS (
    SELECT d.cohort_id, min(e.at) AS at
      FROM due d
      JOIN kernel_event e ON e.type = 'seats.freed' AND e.data ->> 'cohort' = d.cohort_id::text
     WHERE e.at > d.since
     GROUP BY d.cohort_id
)
SELECT format('cohort %s: %s waiting, seats are free since %s, last looked at %s', d.cohort_id,
              d.length, coalesce(f.at, d.looked_at)::text, coalesce(d.looked_at::text, 'never')) AS detail
  FROM due d
  LEFT JOIN freed f ON f.cohort_id = d.cohort_id
 WHERE coalesce(f.at, d.since) < now() - interval '1 minute'
