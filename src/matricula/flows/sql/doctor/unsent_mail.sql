SELECT format('mail %s, due since %s', id, due_at) AS detail
  FROM notifications_delivery
 WHERE state = 'queued' AND due_at < now() - interval '1 hour'
