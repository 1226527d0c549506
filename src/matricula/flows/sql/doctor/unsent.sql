SELECT format('event %s (%s) of %s', e.seq, e.type, e.at) AS detail
  FROM kernel_outbox o LEFT JOIN kernel_event e ON e.seq = o.event_seq
 WHERE e.seq IS NULL OR e.at < now() - interval '1 minute'
