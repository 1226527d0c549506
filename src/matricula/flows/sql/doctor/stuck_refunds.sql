SELECT format('refund %s of %s is %s', r.id, r.requested_at, r.state) AS detail
  FROM payments_refund r
 WHERE (r.state = 'failed'
        OR r.state IN ('requested', 'unknown') AND r.requested_at < now() - interval '1 day')
   AND NOT EXISTS (SELECT 1 FROM payments_stafftask t WHERE t.refund_id = r.id)
