SELECT format('enrollment %s is %s and was swapped for %s', a.id, a.stage, b.id) AS detail
  FROM enrollments_swap s
  JOIN enrollments_enrollment a ON a.id = s.given_up_id
  JOIN enrollments_enrollment b ON b.id = s.taken_id
 WHERE a.stage <> 'cancelled' OR b.confirmed_at IS NULL OR a.person_id <> b.person_id
    OR EXISTS (SELECT 1 FROM orders_orderline l WHERE l.enrollment_id = a.id)
