UPDATE seats_seatcount s
   SET queued = w.is_waited_for
  FROM (SELECT s.cohort_id,
               EXISTS (SELECT 1 FROM waitlist_entry e
                        WHERE e.cohort_id = s.cohort_id AND e.state = 'waiting' AND e.is_counted)
               AS is_waited_for
          FROM seats_seatcount s ORDER BY s.cohort_id FOR NO KEY UPDATE) w
 WHERE s.cohort_id = w.cohort_id AND s.queued <> w.is_waited_for
