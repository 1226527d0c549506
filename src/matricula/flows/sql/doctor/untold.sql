-- Events of before the room existed stay untold; a job that is still queued is not late yet.
SELECT format('event %s of enrollment %s', e.seq, e.subject) AS detail
  FROM kernel_event e
  JOIN accounts_person p ON p.id = e.person AND p.is_active AND p.guest_email = ''
 WHERE e.type = 'enrollment.confirmed'
   AND e.at BETWEEN now() - interval '30 days' AND now() - interval '20 minutes'
   AND e.at > (SELECT min(m.created_at) FROM notifications_message m)
   AND NOT EXISTS (SELECT 1 FROM notifications_message m
                    WHERE m.event_id = e.id AND m.kind = 'enrollment_confirmed')
