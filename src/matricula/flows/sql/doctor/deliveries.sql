-- What waits for an earlier one of its subject is not due; an active endpoint has a secret.
SELECT format('delivery %s to endpoint %s was due at %s', d.id, p.id, d.next_try_at) AS detail
  FROM webhooks_delivery d JOIN webhooks_endpoint p ON p.id = d.endpoint_id
 WHERE d.state = 'pending' AND p.state = 'active'
   AND d.next_try_at < now() - interval '10 minutes'
   AND NOT EXISTS (SELECT 1 FROM webhooks_delivery o
                    WHERE o.endpoint_id = d.endpoint_id AND o.subject = d.subject
                      AND o.state = 'pending' AND o.event_seq < d.event_seq)
UNION ALL
SELECT format('endpoint %s is active without a secret', p.id)
  FROM webhooks_endpoint p
 WHERE p.state = 'active' AND NOT EXISTS (SELECT 1 FROM webhooks_secret s
                                           WHERE s.endpoint_id = p.id AND s.expires_at IS NULL)
