WITH entry AS (
    SELECT charge_id,
           coalesce(sum(amount_minor) FILTER (WHERE kind = 'capture'), 0) AS captured,
           coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)
             - coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund_failure'), 0) AS refunded
      FROM payments_ledgerentry GROUP BY charge_id
), told AS (
    SELECT charge_id,
           sum(amount_minor) FILTER (WHERE state IN ('pending', 'processed')) AS refunded,
           -- One made at the gateway, or one that arrived after it had failed, while one of ours is on its
           -- way: the gateway refuses ours.
           sum(amount_minor) FILTER (
               WHERE state <> 'failed' AND cause <> 'outside'
                 AND NOT (state = 'processed' AND EXISTS (
                     SELECT 1 FROM payments_stafftask s
                      WHERE s.refund_id = r.id AND s.kind = 'refund_failed'))) AS ours
      FROM payments_refund r GROUP BY charge_id
)
SELECT format('charge %s is %s over %s: %s captured and %s refunded in the ledger, %s by its refunds',
              c.provider_payment_id, c.state, c.amount_minor, coalesce(e.captured, 0),
              coalesce(e.refunded, 0), coalesce(t.refunded, 0)) AS detail
  FROM payments_charge c
  LEFT JOIN entry e ON e.charge_id = c.id
  LEFT JOIN told t ON t.charge_id = c.id
 WHERE coalesce(e.captured, 0) <> CASE c.state WHEN 'captured' THEN c.amount_minor ELSE 0 END
    OR coalesce(e.refunded, 0) <> coalesce(t.refunded, 0)
    OR coalesce(t.ours, 0) > coalesce(e.captured, 0)
    OR coalesce(t.refunded, 0) > coalesce(e.captured, 0)
