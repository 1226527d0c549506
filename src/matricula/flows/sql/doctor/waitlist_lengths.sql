SELECT format('cohort %s: %s places wait, the list says %s', q.cohort_id, n.places, q.length) AS detail
  FROM waitlist_queue q
 CROSS JOIN LATERAL (
       SELECT count(*) AS places FROM waitlist_entry e
        WHERE e.cohort_id = q.cohort_id AND e.state = 'waiting') n
 WHERE n.places <> q.length
