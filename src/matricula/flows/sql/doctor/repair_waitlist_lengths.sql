-- Under the counter rows, as everything that changes a list.
WITH locked AS MATERIALIZED (
    SELECT s.cohort_id FROM seats_seatcount s JOIN waitlist_queue q ON q.cohort_id = s.cohort_id
     ORDER BY s.cohort_id FOR NO KEY UPDATE OF s
)
UPDATE waitlist_queue q
   SET length = (SELECT count(*) FROM waitlist_entry e
                  WHERE e.cohort_id = q.cohort_id AND e.state = 'waiting')
  FROM locked l WHERE l.cohort_id = q.cohort_id
