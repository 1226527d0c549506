SELECT format('place %s is %s, its last event is %s', e.id, e.state, coalesce(last.type, 'missing'))
       AS detail
  FROM waitlist_entry e
  LEFT JOIN LATERAL (
       SELECT v.type FROM kernel_event v
        WHERE v.subject = e.id AND v.type LIKE 'waitlist.%'
        ORDER BY v.subject_seq DESC LIMIT 1) last ON true
 WHERE coalesce(last.type, '') <> ALL (
       CASE e.state
            WHEN 'waiting' THEN ARRAY['waitlist.joined', 'waitlist.skipped', 'waitlist.moved',
                                       'waitlist.changed']
            WHEN 'offered' THEN ARRAY['waitlist.offered', 'waitlist.accepted', 'waitlist.ending']
            WHEN 'accepted' THEN ARRAY['waitlist.accepted', 'waitlist.offered', 'waitlist.ending']
            ELSE ARRAY['waitlist.' || e.state] END)
