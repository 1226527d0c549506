SELECT format('enrollment %s is %s, its ticket is %s', coalesce(e.id, t.enrollment_id),
              coalesce(e.stage, 'decided'), coalesce(t.state, 'missing')) AS detail
  FROM (SELECT id, stage FROM enrollments_enrollment WHERE stage = 'requested') e
  FULL JOIN (SELECT t.enrollment_id, t.state FROM waitingroom_ticket t
              WHERE t.state = 'waiting') t ON t.enrollment_id = e.id
 WHERE e.id IS NULL OR t.enrollment_id IS NULL
UNION ALL
SELECT format('cohort %s has given number %s and holds %s tickets', l.cohort_id, l.last_number,
              count(t.number))
  FROM waitingroom_line l LEFT JOIN waitingroom_ticket t ON t.cohort_id = l.cohort_id
 GROUP BY l.cohort_id, l.last_number
HAVING l.last_number <> count(t.number) OR l.last_number <> coalesce(max(t.number), 0)
UNION ALL
SELECT format('ticket %s of cohort %s is %s, the line is served up to %s', t.number, t.cohort_id,
              t.state, r.served_up_to)
  FROM waitingroom_ticket t JOIN waitingroom_room r ON r.cohort_id = t.cohort_id
 WHERE (t.state = 'waiting' AND t.number <= r.served_up_to)
    OR (t.state IN ('admitted', 'refused') AND t.number > r.served_up_to)
UNION ALL
SELECT format('cohort %s: its room is %s, its seats are given %s', s.cohort_id,
              CASE WHEN r.opened_at IS NULL THEN 'closed' ELSE 'open' END,
              CASE WHEN s.by_turn THEN 'by turn' ELSE 'freely' END)
  FROM seats_seatcount s LEFT JOIN waitingroom_room r ON r.cohort_id = s.cohort_id
 WHERE s.by_turn <> (r.opened_at IS NOT NULL)
