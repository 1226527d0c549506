SELECT format('place %s is %s and has %s open offers', e.id, e.state, n.offers) AS detail
  FROM waitlist_entry e
 CROSS JOIN LATERAL (
       SELECT count(*) AS offers FROM waitlist_offer o
        WHERE o.entry_id = e.id AND o.state = 'open') n
 WHERE (e.state = 'offered') <> (n.offers > 0)
