SELECT format('order %s, paid at %s, has no invoice', o.id, o.paid_at) AS detail
  FROM orders_order o
 WHERE o.state = 'paid' AND o.total_minor > 0 AND o.paid_at < now() - interval '10 minutes'
   AND NOT EXISTS (SELECT 1 FROM orders_document d WHERE d.kind = 'invoice' AND d.cause = o.id)
UNION ALL
SELECT format('refund %s, arrived at %s, has no credit note', r.id, r.completed_at)
  FROM payments_refund r
 WHERE r.state = 'processed' AND r.completed_at < now() - interval '10 minutes'
   AND EXISTS (SELECT 1 FROM payments_refundpart p WHERE p.refund_id = r.id)
   AND NOT EXISTS (SELECT 1 FROM orders_document d WHERE d.kind = 'credit_note' AND d.cause = r.id)
