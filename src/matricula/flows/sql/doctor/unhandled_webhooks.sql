SELECT format('webhook %s of %s (%s): %s', event_id, received_at, state,
              coalesce(nullif(error, ''), 'not tried yet')) AS detail
  FROM payments_inboxevent
 WHERE next_try_at IS NOT NULL AND received_at < now() - interval '10 minutes'
