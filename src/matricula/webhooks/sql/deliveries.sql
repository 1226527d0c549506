-- Deliveries owed by a batch of events. Of each subject everything up to the newest event of the
-- batch is owed, since the job of another batch may hold an earlier one and run later: whoever comes
-- second waits here for the first and adds nothing. So the deliveries of one subject are there in
-- order, and the earliest is sent first. Behind one that is to be tried again later, none is due
-- earlier.
CREATE OR REPLACE FUNCTION owe_deliveries(p_seqs bigint[]) RETURNS void
LANGUAGE sql VOLATILE AS $$
    INSERT INTO webhooks_delivery (id, endpoint_id, event_seq, type, subject, state, next_try_at)
    SELECT new_uuid7(), p.id, e.seq, e.type, e.subject, 'pending',
           greatest(statement_timestamp(), (
               SELECT max(o.next_try_at) FROM webhooks_delivery o
                WHERE o.endpoint_id = p.id AND o.subject = e.subject AND o.state = 'pending'))
      FROM webhooks_endpoint p
     CROSS JOIN (SELECT subject, max(subject_seq) AS newest FROM kernel_event
                  WHERE seq = ANY (p_seqs) GROUP BY subject) told
      JOIN kernel_event e ON e.subject = told.subject AND e.subject_seq <= told.newest
     WHERE p.state = 'active' AND e.type = ANY (p.types)
       AND e.at >= p.since AND e.at > now() - interval '1 day'
     ORDER BY p.id, e.seq
        ON CONFLICT (endpoint_id, event_seq) DO NOTHING
$$;

-- Takes one delivery whose turn it is, for as long as one try may last; none when nothing is due. An
-- earlier delivery of the same subject goes first, and one endpoint has at most `p_each` at a time,
-- so that a slow receiver does not keep the others waiting. Each endpoint is asked for its own next
-- one: what piles up at one of them is not read through for the others.
CREATE OR REPLACE FUNCTION take_delivery(p_each int, p_lease text) RETURNS SETOF uuid
LANGUAGE sql VOLATILE AS $$
    WITH due AS (
        SELECT next.id FROM webhooks_endpoint p
         CROSS JOIN LATERAL (
               SELECT d.id, d.next_try_at FROM webhooks_delivery d
                WHERE d.endpoint_id = p.id AND d.state = 'pending'
                  AND d.next_try_at <= statement_timestamp()
                  AND (d.leased_until IS NULL OR d.leased_until < statement_timestamp())
                  AND NOT EXISTS (
                      SELECT 1 FROM webhooks_delivery o
                       WHERE o.endpoint_id = d.endpoint_id AND o.subject = d.subject
                         AND o.state = 'pending' AND o.event_seq < d.event_seq)
                ORDER BY d.next_try_at LIMIT 1
                  FOR UPDATE OF d SKIP LOCKED) next
         WHERE p.state = 'active'
           AND p_each > (
               SELECT count(*) FROM webhooks_delivery b
                WHERE b.endpoint_id = p.id AND b.state = 'pending'
                  AND b.leased_until >= statement_timestamp())
         ORDER BY next.next_try_at LIMIT 1
    )
    UPDATE webhooks_delivery d SET leased_until = statement_timestamp() + p_lease::interval, tries = d.tries + 1
      FROM due WHERE d.id = due.id
    RETURNING d.id
$$;
