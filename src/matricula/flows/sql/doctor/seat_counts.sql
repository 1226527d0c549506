SELECT format('cohort %s: counted %s held and %s sold, the ledger has %s and %s',
              c.cohort_id, c.held, c.sold, coalesce(l.held, 0), coalesce(l.sold, 0)) AS detail
  FROM seats_seatcount c
  LEFT JOIN (SELECT cohort_id, count(*) FILTER (WHERE state = 'held') AS held,
                    count(*) FILTER (WHERE state = 'sold') AS sold
               FROM seats_hold WHERE state IN ('held', 'sold') GROUP BY cohort_id) l
    ON l.cohort_id = c.cohort_id
 WHERE (c.held, c.sold) IS DISTINCT FROM (coalesce(l.held, 0)::int, coalesce(l.sold, 0)::int)
