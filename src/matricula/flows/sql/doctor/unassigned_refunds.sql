SELECT format('refund %s of %s was made at the gateway and is for no line', r.id, r.requested_at)
       AS detail
  FROM payments_refund r
  JOIN payments_charge c ON c.id = r.charge_id
 WHERE r.cause = 'outside' AND r.state IN ('pending', 'processed') AND c.verdict = 'settled'
   AND NOT EXISTS (SELECT 1 FROM payments_refundpart p WHERE p.refund_id = r.id)
   AND NOT EXISTS (SELECT 1 FROM payments_stafftask t
                    WHERE t.refund_id = r.id AND t.closed_at IS NULL)
