-- The text as a UUID, or NULL when it is none. A member of an event's data that is not what its name
-- says must not stop the batch it is in.
CREATE OR REPLACE FUNCTION uuid_or_null(p_text text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN p_text::uuid END
$$;

-- Enqueues or writes down what these events owe, and announces them.
--
-- `p_owed` lists who owes: {type, task, queue, priority, lock, queueing_lock, together}. What is owed
-- `together` becomes a row of kernel_effect, anything else a job.
CREATE OR REPLACE FUNCTION dispatch_events_of(p_seqs bigint[], p_owed jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO kernel_effect (work, event_seq)
    SELECT o.task, e.seq
      FROM kernel_event e
      JOIN jsonb_to_recordset(p_owed) AS o(type text, task text, together boolean)
        ON o.type = e.type AND o.together
     WHERE e.seq = ANY (p_seqs)
     ORDER BY e.seq;

    PERFORM procrastinate_defer_jobs_v1(array_agg(
        ROW(o.queue, o.task, o.priority, o.lock, o.queueing_lock,
            jsonb_build_object('event_seq', e.seq, 'correlation_id', e.correlation_id), NULL)
            ::procrastinate_job_to_defer_v1 ORDER BY e.seq))
       FROM kernel_event e
       JOIN jsonb_to_recordset(p_owed) AS o(
            type text, task text, queue text, priority integer, lock text, queueing_lock text,
            together boolean) ON o.type = e.type AND o.together IS NOT TRUE
      WHERE e.seq = ANY (p_seqs)
     HAVING count(*) > 0;

    PERFORM announce(array_agg(e.subject) || array_agg(uuid_or_null(e.data ->> 'course')))
       FROM kernel_event e WHERE e.seq = ANY (p_seqs);
END
$$;

-- Takes up to `p_most` owed events and dispatches them, all or nothing; returns how many it took. In one
-- call, since the dispatcher is a thread among others: each answer it must wait for is another wait for
-- Python's lock.
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
    PERFORM dispatch_events_of(v_seqs, p_owed);
    RETURN cardinality(v_seqs);
END
$$;
