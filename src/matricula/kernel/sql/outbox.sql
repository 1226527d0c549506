-- Takes up to `p_most` owed events, enqueues what they owe and announces them, all or nothing;
-- returns how many it took. In one call, since the dispatcher is a thread among others: each answer
-- it must wait for is another wait for Python's lock.
--
-- `p_owed` lists who owes: {type, task, queue, priority, lock, queueing_lock, together}. A task that
-- is owed `together` gets one job with the numbers of all its events, any other one job an event.
--
-- In order of seq; a row that a slower transaction commits later is simply taken later. Rows are
-- read by their own key, never "since the last one seen", so none is missed; several dispatchers
-- may run, and each takes rows that no other holds.
CREATE OR REPLACE FUNCTION dispatch_events(p_most integer, p_owed jsonb) RETURNS integer
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    v_seqs bigint[];
BEGIN
    WITH picked AS MATERIALIZED (  -- or the planner may pick more than once
        SELECT event_seq FROM kernel_outbox ORDER BY event_seq LIMIT p_most FOR UPDATE SKIP LOCKED
    ), taken AS (
        DELETE FROM kernel_outbox o USING picked p WHERE o.event_seq = p.event_seq
        RETURNING o.event_seq
    )
    SELECT array_agg(event_seq) INTO v_seqs FROM taken;
    IF v_seqs IS NULL THEN
        RETURN 0;
    END IF;

    PERFORM procrastinate_defer_jobs_v1(array_agg(
        ROW(job.queue, job.task, job.priority, job.lock, job.queueing_lock, job.args, NULL)
            ::procrastinate_job_to_defer_v1 ORDER BY job.first_seq))
       FROM (
        SELECT o.queue, o.task, o.priority, o.lock, o.queueing_lock, min(e.seq) AS first_seq,
               CASE WHEN o.together THEN jsonb_build_object('event_seqs', jsonb_agg(e.seq ORDER BY e.seq))
                    ELSE jsonb_build_object('event_seq', min(e.seq),
                                            'correlation_id', min(e.correlation_id)) END AS args
          FROM kernel_event e
          JOIN jsonb_to_recordset(p_owed) AS o(
               type text, task text, queue text, priority integer, lock text, queueing_lock text,
               together boolean) ON o.type = e.type
         WHERE e.seq = ANY (v_seqs)
         GROUP BY o.queue, o.task, o.priority, o.lock, o.queueing_lock, o.together,
                  CASE WHEN NOT o.together THEN e.seq END
       ) job
     HAVING count(*) > 0;

    PERFORM announce(array_agg(e.subject) || array_agg((e.data ->> 'course')::uuid))
       FROM kernel_event e WHERE e.seq = ANY (v_seqs);
    RETURN cardinality(v_seqs);
END
$$;
