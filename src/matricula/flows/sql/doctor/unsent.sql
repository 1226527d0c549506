SELECT format('event %s (%s) of %s', e.seq, e.type, e.at) AS detail
  FROM kernel_outbox o LEFT JOIN kernel_event e ON e.seq = o.event_seq
 WHERE e.seq IS NULL OR e.at < now() - interval '1 minute'
UNION ALL
SELECT format('%s of event %s (%s) of %s, tried %s times', f.work, e.seq, e.type, e.at, f.tries)
  FROM kernel_effect f LEFT JOIN kernel_event e ON e.seq = f.event_seq
 WHERE e.seq IS NULL OR e.at < now() - interval '10 minutes'
