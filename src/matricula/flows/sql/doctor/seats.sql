SELECT format('enrollment %s is %s, its seat is %s', coalesce(e.id, h.key),
              coalesce(e.stage, 'missing'), coalesce(h.state, 'missing')) AS detail
  FROM (SELECT id, stage FROM enrollments_enrollment
         WHERE stage IN ('validated', 'payment_pending', 'payment_completed', 'confirmed')
         UNION ALL  -- a seat that is offered to somebody who waited has no enrollment yet
        SELECT id, 'offered' FROM waitlist_offer WHERE state = 'open') e
  FULL JOIN (SELECT key, state FROM seats_hold WHERE state IN ('held', 'sold')) h ON h.key = e.id
 WHERE e.id IS NULL OR h.key IS NULL OR (e.stage = 'confirmed') <> (h.state = 'sold')
