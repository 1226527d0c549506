-- Under the counter rows, as everything that changes a list; counted only once they are held.
SELECT s.cohort_id FROM seats_seatcount s JOIN waitlist_queue q ON q.cohort_id = s.cohort_id
 ORDER BY s.cohort_id FOR NO KEY UPDATE OF s;
DELETE FROM waitlist_stretch;
INSERT INTO waitlist_stretch (cohort_id, rank, number, places, seats, counted)
SELECT e.cohort_id, e.rank, stretch_of(e.place), count(*), sum(e.party_size),
       count(*) FILTER (WHERE e.is_counted)
  FROM waitlist_entry e WHERE e.state = 'waiting'
 GROUP BY e.cohort_id, e.rank, stretch_of(e.place)
