-- Takes up to `p_most` effects of this work that are due, those that have waited longest, and moves
-- their time on by `p_lease` seconds; returns each with its event and tries, in order. Each taker gets rows that no
-- other holds. A try is counted now: one that kills its process counts too.
CREATE OR REPLACE FUNCTION take_due_effects(p_work text, p_most integer, p_lease integer)
RETURNS TABLE (effect bigint, event bigint, taken_times smallint)
LANGUAGE sql VOLATILE SET enable_seqscan = off AS $$
    WITH picked AS MATERIALIZED (  -- or the planner may pick more than once
        SELECT id FROM kernel_effect WHERE work = p_work AND due_at <= statement_timestamp()
         ORDER BY due_at LIMIT p_most FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE kernel_effect e SET due_at = statement_timestamp() + make_interval(secs => p_lease), tries = e.tries + 1
         WHERE e.id = ANY (ARRAY(SELECT id FROM picked))  -- each by its key, however many there are
        RETURNING e.id, e.event_seq, e.tries
    )
    SELECT id, event_seq, tries FROM taken ORDER BY event_seq
$$;
