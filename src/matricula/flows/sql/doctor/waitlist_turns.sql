SELECT format('cohort %s: %s waiting, seats are free, last looked at %s', q.cohort_id, q.length,
              coalesce(q.looked_at::text, 'never')) AS detail
  FROM waitlist_queue q
  JOIN seats_seatcount s ON s.cohort_id = q.cohort_id
 WHERE s.queued AND (s.capacity IS NULL OR s.held + s.sold < s.capacity)
   AND (q.looked_at IS NULL OR q.looked_at < now() - interval '1 minute')
