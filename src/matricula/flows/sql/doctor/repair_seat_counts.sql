-- The ledger says who has a seat, so the counters follow it. The lock makes the count exact; where
-- the ledger itself holds more than the capacity, the CHECK refuses and a person must decide.
LOCK TABLE seats_seatcount IN SHARE ROW EXCLUSIVE MODE;
UPDATE seats_seatcount c SET held = l.held, sold = l.sold
  FROM (SELECT s.cohort_id, count(*) FILTER (WHERE h.state = 'held') AS held,
               count(*) FILTER (WHERE h.state = 'sold') AS sold
          FROM seats_seatcount s
          LEFT JOIN seats_hold h ON h.cohort_id = s.cohort_id AND h.state IN ('held', 'sold')
         GROUP BY s.cohort_id) l
 WHERE l.cohort_id = c.cohort_id AND (c.held, c.sold) IS DISTINCT FROM (l.held::int, l.sold::int)
