-- By the log: in each line, tickets were queued in the order of their numbers, and decided in the
-- order in which they were queued. Those that staff had served later, after they had failed, are left out.
WITH told AS MATERIALIZED (
    SELECT t.cohort_id, t.number, q.seq AS queued, (q.data ->> 'ticket')::bigint AS said,
           CASE WHEN t.state IN ('admitted', 'refused') AND d.type <> 'enrollment.called_again' THEN d.seq END
               AS decided
      FROM waitingroom_ticket t
      JOIN kernel_event q ON q.subject = t.enrollment_id AND q.type = 'enrollment.queued'
      LEFT JOIN LATERAL (
           SELECT v.seq, v.type FROM kernel_event v
            WHERE v.subject = t.enrollment_id AND v.subject_seq > q.subject_seq
            ORDER BY v.subject_seq LIMIT 1) d ON true
), queued AS (
    SELECT *, lag(number) OVER w AS before, lag(queued) OVER w AS before_queued
      FROM told WINDOW w AS (PARTITION BY cohort_id ORDER BY number)
), decided AS (
    SELECT *, lag(number) OVER w AS before, lag(decided) OVER w AS before_decided
      FROM told WHERE decided IS NOT NULL WINDOW w AS (PARTITION BY cohort_id ORDER BY queued)
)
SELECT format('cohort %s: ticket %s was queued as %s', cohort_id, number, said) AS detail
  FROM told WHERE said IS DISTINCT FROM number
UNION ALL
SELECT format('cohort %s: ticket %s was queued before ticket %s', cohort_id, number, before)
  FROM queued WHERE queued < before_queued
UNION ALL
SELECT format('cohort %s: ticket %s was decided before ticket %s', cohort_id, number, before)
  FROM decided WHERE decided < before_decided
