SELECT format('%s: %s was set aside at %s after %s tries: %s', queue, reference, set_aside_at, tries, error)
       AS detail
  FROM kernel_failedwork
 WHERE set_aside_at IS NOT NULL AND dropped_at IS NULL
UNION ALL
SELECT format('job %s: %s(%s) failed', id, task_name, args)
  FROM procrastinate_jobs
 WHERE status = 'failed'
