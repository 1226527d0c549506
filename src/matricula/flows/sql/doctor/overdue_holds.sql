SELECT format('enrollment %s: its seat was held until %s', key, expires_at) AS detail
  FROM seats_hold WHERE state = 'held' AND expires_at < now() - interval '1 minute'
