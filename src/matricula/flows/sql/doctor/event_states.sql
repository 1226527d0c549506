SELECT format('enrollment %s is %s, its last event is %s', e.id, e.stage,
              coalesce(last.type, 'missing')) AS detail
  FROM enrollments_enrollment e
  LEFT JOIN LATERAL (
       SELECT v.type FROM kernel_event v
        WHERE v.subject = e.id AND v.type LIKE 'enrollment.%'
        ORDER BY v.subject_seq DESC LIMIT 1) last ON true
 WHERE last.type IS DISTINCT FROM
       CASE e.stage WHEN 'requested' THEN 'enrollment.queued'
                    WHEN 'validated' THEN 'enrollment.held'
                    WHEN 'payment_pending' THEN 'enrollment.held'
                    WHEN 'payment_completed' THEN 'enrollment.held'
                    ELSE 'enrollment.' || e.stage END
