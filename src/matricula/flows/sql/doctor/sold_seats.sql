SELECT format('enrollment %s is %s, its seat is %s', coalesce(e.id, h.key),
              coalesce(e.stage, 'missing'), coalesce(h.state, 'missing')) AS detail
  FROM (SELECT id, stage FROM enrollments_enrollment WHERE stage = 'confirmed') e
  FULL JOIN (SELECT key, state FROM seats_hold WHERE state = 'sold') h ON h.key = e.id
 WHERE e.id IS NULL OR h.key IS NULL
