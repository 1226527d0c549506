SELECT format('order %s is %s, enrollment %s is %s', o.id, o.state, e.id, e.stage) AS detail
  FROM orders_order o
  JOIN orders_orderline l ON l.order_id = o.id
  JOIN enrollments_enrollment e ON e.id = l.enrollment_id
 WHERE o.state = 'open' AND e.stage <> 'payment_pending'
UNION ALL
SELECT format('enrollment %s waits for a payment that nobody asks for', e.id)
  FROM enrollments_enrollment e
 WHERE e.stage IN ('payment_pending', 'payment_completed')
   AND NOT EXISTS (SELECT 1 FROM orders_orderline l JOIN orders_order o ON o.id = l.order_id
                    WHERE l.enrollment_id = e.id AND o.state = 'open')
