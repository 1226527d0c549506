SELECT format('mail %s of %s: %s', id, created_at, coalesce(nullif(error, ''), 'not tried yet')) AS detail
  FROM kernel_outgoingmail WHERE created_at < now() - interval '12 hours'
