SELECT format('cohort %s: ticket %s waits since %s', r.cohort_id, t.number, t.taken_at) AS detail
  FROM waitingroom_room r
 CROSS JOIN LATERAL (
       SELECT n.number, n.taken_at FROM waitingroom_ticket n
        WHERE n.cohort_id = r.cohort_id AND n.number > r.served_up_to AND n.state = 'waiting'
        ORDER BY n.number LIMIT 1) t
 WHERE NOT r.is_paused
   AND greatest(t.taken_at, r.moved_at) < now() - interval '1 minute'
