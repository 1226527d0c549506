-- Events and the ids they need.

-- RFC 9562, section 5.7. From version 18 on PostgreSQL brings its own, ten times as fast; this only
-- gives it the name that older ones know too.
DO $do$
BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        CREATE OR REPLACE FUNCTION new_uuid7() RETURNS uuid
        LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT uuidv7()';
    ELSE
        CREATE OR REPLACE FUNCTION new_uuid7() RETURNS uuid
        LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
            -- 48 bits of Unix milliseconds, then version, variant and random bits, which we take
            -- from a version 4 UUID.
            SELECT encode(
                set_bit(set_bit(
                    overlay(uuid_send(gen_random_uuid())
                        PLACING substring(
                            int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                        FROM 1 FOR 6),
                    52, 1), 53, 1),
                'hex')::uuid
        $$;
    END IF;
END
$do$;

-- Appends events in the order given and owes their effects, in the caller's transaction.
-- Each subject's events are numbered without gaps. The caller holds the lock of the subject's row
-- (or has just made it): if it does not, a concurrent append fails on event_numbered_per_subject
-- and nothing of either is half-written.
CREATE OR REPLACE FUNCTION append_events(
    p_types text[], p_subjects uuid[], p_persons uuid[], p_actors uuid[],
    p_correlation_ids text[], p_data jsonb[]
) RETURNS void
LANGUAGE sql VOLATILE AS $$
    WITH given AS (
        SELECT *, row_number() OVER (PARTITION BY subject ORDER BY ord) AS step
          FROM unnest(p_types, p_subjects, p_persons, p_actors, p_correlation_ids, p_data)
               WITH ORDINALITY
               AS g(type, subject, person, actor, correlation_id, data, ord)
    ), appended AS (
        INSERT INTO kernel_event
               (id, type, subject, subject_seq, person, actor, correlation_id, data)
        SELECT new_uuid7(), g.type, g.subject, coalesce(last.subject_seq, 0) + g.step,
               g.person, g.actor, g.correlation_id, g.data
          FROM given g
          LEFT JOIN LATERAL (
               SELECT e.subject_seq FROM kernel_event e
                WHERE e.subject = g.subject ORDER BY e.subject_seq DESC LIMIT 1) last ON true
         ORDER BY g.ord
        RETURNING seq
    )
    INSERT INTO kernel_outbox (event_seq) SELECT seq FROM appended
$$;

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

DROP TRIGGER IF EXISTS event_is_append_only ON kernel_event;
CREATE TRIGGER event_is_append_only
    BEFORE UPDATE OR DELETE ON kernel_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER IF EXISTS event_is_never_emptied ON kernel_event;
CREATE TRIGGER event_is_never_emptied
    BEFORE TRUNCATE ON kernel_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
