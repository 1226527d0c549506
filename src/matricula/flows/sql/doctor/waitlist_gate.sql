-- A list nobody has looked at for a minute: before that, its turn may be under way. Also where
-- registration is closed: it may open again at any moment.
SELECT format('cohort %s: %s', s.cohort_id,
              CASE WHEN s.queued THEN 'newcomers are refused and nobody waits'
                   ELSE 'somebody waits and newcomers are let in' END) AS detail
  FROM seats_seatcount s
  LEFT JOIN waitlist_queue q ON q.cohort_id = s.cohort_id
 CROSS JOIN LATERAL (
       SELECT EXISTS (SELECT 1 FROM waitlist_entry e
                       WHERE e.cohort_id = s.cohort_id AND e.state = 'waiting' AND e.is_counted)
              AS is_waited_for) w
 WHERE s.queued <> w.is_waited_for
   AND (NOT s.queued OR q.looked_at IS NULL OR q.looked_at < now() - interval '1 minute')
