-- A charge that settled its order: each line is confirmed, given back, or was given up by its owner
-- afterwards (cancelled, with what the policy gives back). Any other captured charge: all of it is
-- given back or on its way, or staff is looking into it.
SELECT format('charge %s settled order %s, whose line %s is %s', c.provider_payment_id, l.order_id,
              l.id, e.stage) AS detail
  FROM payments_charge c
  JOIN payments_payment p ON p.id = c.payment_id
  JOIN orders_orderline l ON l.order_id = p.order_id
  JOIN enrollments_enrollment e ON e.id = l.enrollment_id
 WHERE c.verdict = 'settled' AND e.stage NOT IN ('confirmed', 'cancelled')
   AND l.total_minor > 0
   AND NOT EXISTS (SELECT 1 FROM payments_refundpart r WHERE r.line_id = l.id)
UNION ALL
SELECT format('charge %s (%s): %s captured, %s given back, nobody looks into it',
              c.provider_payment_id, c.verdict, c.amount_minor, coalesce(r.total, 0))
  FROM payments_charge c
  LEFT JOIN (SELECT charge_id, sum(amount_minor) AS total FROM payments_refund
              WHERE state <> 'failed' GROUP BY charge_id) r ON r.charge_id = c.id
 WHERE c.state = 'captured' AND c.verdict <> 'settled' AND coalesce(r.total, 0) < c.amount_minor
   AND NOT EXISTS (SELECT 1 FROM payments_stafftask t
                    WHERE t.charge_id = c.id AND t.kind IN ('quarantine', 'refund_failed'))
