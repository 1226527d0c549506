-- A list nobody has looked at for a minute: before that, its turn may be under way.
SELECT format('cohort %s: %s', s.cohort_id,
              CASE WHEN s.queued THEN 'newcomers are refused and nobody waits'
                   ELSE 'somebody waits and newcomers are let in' END) AS detail
  FROM seats_seatcount s
  JOIN catalog_cohort h ON h.id = s.cohort_id
  JOIN catalog_course c ON c.id = h.course_id AND c.status = 'published'
  LEFT JOIN waitlist_queue q ON q.cohort_id = s.cohort_id
 CROSS JOIN LATERAL (
       SELECT EXISTS (SELECT 1 FROM waitlist_entry e
                       WHERE e.cohort_id = s.cohort_id AND e.state = 'waiting' AND e.is_counted)
              AS is_waited_for) w
 WHERE s.queued <> w.is_waited_for
   AND (h.opens_at IS NULL OR h.opens_at <= now())
   AND (h.closes_at IS NULL OR now() < h.closes_at)
   AND (h.starts_at IS NULL OR now() < h.starts_at)
   AND (NOT s.queued OR q.looked_at IS NULL OR q.looked_at < now() - interval '1 minute')
