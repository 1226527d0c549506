SELECT format('place %s waits, and was to be left when %s got its seat', e.id, f.id) AS detail
  FROM waitlist_entry f
  JOIN enrollments_enrollment n
    ON n.id = f.enrollment_id AND n.stage = 'confirmed'
   AND n.confirmed_at < now() - interval '1 minute'
  JOIN waitlist_entry e
    ON e.person_id = f.person_id AND e.id <> f.id
   AND e.state IN ('waiting', 'offered') AND e.enrollment_id IS NULL AND e.joined_at <= f.ended_at
 WHERE f.leaves_others AND f.ended_at < now() - interval '1 minute'
