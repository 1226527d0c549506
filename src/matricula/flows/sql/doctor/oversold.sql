SELECT format('cohort %s: %s held and %s sold of %s', cohort_id, held, sold, capacity) AS detail
  FROM seats_seatcount WHERE held + sold > capacity
