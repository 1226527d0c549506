SELECT format('cohort %s, rank %s, stretch %s: counted %s, there are %s',
              coalesce(s.cohort_id, n.cohort_id), coalesce(s.rank, n.rank),
              coalesce(s.number, n.number),
              coalesce((s.places, s.seats, s.counted), (0, 0, 0)),
              coalesce((n.places, n.seats, n.counted), (0, 0, 0))) AS detail
  FROM waitlist_stretch s
  FULL JOIN (SELECT e.cohort_id, e.rank, stretch_of(e.place) AS number, count(*) AS places,
                    sum(e.party_size) AS seats, count(*) FILTER (WHERE e.is_counted) AS counted
               FROM waitlist_entry e WHERE e.state = 'waiting'
              GROUP BY e.cohort_id, e.rank, stretch_of(e.place)) n
    ON n.cohort_id = s.cohort_id AND n.rank = s.rank AND n.number = s.number
 WHERE (s.places, s.seats, s.counted) IS DISTINCT FROM (n.places, n.seats, n.counted)
