SELECT format('order %s: %s by its lines, %s in all, %s asked', o.id, l.total, o.total_minor,
              p.amount_minor) AS detail
  FROM orders_order o
  JOIN (SELECT order_id, sum(total_minor) AS total FROM orders_orderline GROUP BY order_id) l
    ON l.order_id = o.id
  LEFT JOIN payments_payment p ON p.order_id = o.id
 WHERE l.total <> o.total_minor
    OR p.id IS NOT NULL AND (p.amount_minor, p.currency) <> (o.total_minor, o.currency)
