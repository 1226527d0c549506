SELECT format('coupon %s: counted %s, %s live uses of %s', c.code, c.taken, count(u.id), c.total_limit)
         AS detail
  FROM pricing_coupon c
  LEFT JOIN pricing_couponuse u ON u.coupon_id = c.id AND u.state IN ('held', 'used')
 WHERE c.total_limit IS NOT NULL
 GROUP BY c.id
HAVING count(u.id) <> c.taken OR count(u.id) > c.total_limit
UNION ALL
SELECT format('coupon %s: %s uses by person %s, %s allowed', c.code, count(*), u.person_id,
              c.per_person_limit)
  FROM pricing_coupon c
  JOIN pricing_couponuse u ON u.coupon_id = c.id AND u.state IN ('held', 'used')
 WHERE c.per_person_limit IS NOT NULL
 GROUP BY c.id, u.person_id
HAVING count(*) > c.per_person_limit
