SELECT format('subject %s: %s events, numbered %s to %s', subject, count(*), min(subject_seq),
              max(subject_seq)) AS detail
  FROM kernel_event GROUP BY subject
HAVING min(subject_seq) <> 1 OR max(subject_seq) <> count(*)
