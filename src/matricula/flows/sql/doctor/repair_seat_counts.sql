-- The ledger says who has a seat, so the counters follow it. Every counter is locked first, in cohort
-- order as by everybody, so that the count is exact. Where the ledger itself holds more than the
-- capacity a person must decide: that counter stays.
SELECT count(*) FROM (
    SELECT 1 FROM seats_seatcount ORDER BY cohort_id FOR NO KEY UPDATE) locked;
UPDATE seats_seatcount c SET held = l.held, sold = l.sold
  FROM (SELECT s.cohort_id, count(*) FILTER (WHERE h.state = 'held') AS held,
               count(*) FILTER (WHERE h.state = 'sold') AS sold
          FROM seats_seatcount s
          LEFT JOIN seats_hold h ON h.cohort_id = s.cohort_id AND h.state IN ('held', 'sold')
         GROUP BY s.cohort_id) l
 WHERE l.cohort_id = c.cohort_id AND (c.held, c.sold) IS DISTINCT FROM (l.held::int, l.sold::int)
   AND (c.capacity IS NULL OR l.held + l.sold <= c.capacity)
