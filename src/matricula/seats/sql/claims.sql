-- Claims and releases of seats, for any number of them at once; one is the ordinary case.
--
-- Locks: counter rows only, in cohort order, before anything is decided. Whoever holds a cohort's
-- counter row decides alone about its seats until commit, so the counts read after the lock are
-- the truth. FOR NO KEY UPDATE, since the key never changes: it lets foreign-key checks pass.

-- One outcome a claim, in the order of the arrays: claimed, repeated (the key has its seat
-- already), full, or unknown_cohort. First come in the array, first served. A claim with
-- hold_seconds NULL is sold at once; otherwise it is held that long.
--
-- While people queue for a cohort its free seats are theirs: to whoever claims here it is full.
-- The waitlist's own claims stand aside the queue for the length of their transaction, under the
-- counter row's lock (seats/actions.py), so that one text claims for everybody.
CREATE OR REPLACE FUNCTION claim_seats(
    p_persons uuid[], p_cohorts uuid[], p_keys uuid[], p_hold_seconds integer[]
) RETURNS TABLE (ord integer, outcome text, hold_id uuid, expires_at timestamptz)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    v_cohorts uuid[];
    v_free integer[];
BEGIN
    SELECT array_agg(s.cohort_id),
           array_agg(CASE WHEN s.queued THEN 0
                          ELSE coalesce(s.capacity - s.held - s.sold, 2147483647) END)
      INTO v_cohorts, v_free
      FROM (SELECT c.cohort_id, c.capacity, c.held, c.sold, c.queued
              FROM seats_seatcount c
             WHERE c.cohort_id = ANY (p_cohorts)
             ORDER BY c.cohort_id
               FOR NO KEY UPDATE) s;

    RETURN QUERY
    WITH claim AS (
        SELECT w.*, CASE WHEN w.may_take
                         THEN row_number() OVER (PARTITION BY w.cohort, w.may_take ORDER BY w.ord)
                    END AS place
          FROM (SELECT g.ord::integer, g.person, g.cohort, g.key, g.hold_seconds, f.free,
                       old.id AS old_hold, old.expires_at AS old_expires_at,
                       old.id IS NULL AND f.cohort IS NOT NULL
                       AND row_number() OVER (PARTITION BY g.key ORDER BY g.ord) = 1 AS may_take
                  FROM unnest(p_persons, p_cohorts, p_keys, p_hold_seconds)
                       WITH ORDINALITY AS g(person, cohort, key, hold_seconds, ord)
                  LEFT JOIN unnest(v_cohorts, v_free) AS f(cohort, free) ON f.cohort = g.cohort
                  LEFT JOIN LATERAL (
                       SELECT h.id, h.expires_at FROM seats_hold h
                        WHERE h.key = g.key AND h.state IN ('held', 'sold') LIMIT 1) old ON true) w
    ), taken AS (
        INSERT INTO seats_hold (id, cohort_id, person_id, key, state, expires_at)
        SELECT new_uuid7(), c.cohort, c.person, c.key,
               CASE WHEN c.hold_seconds IS NULL THEN 'sold' ELSE 'held' END,
               now() + make_interval(secs => c.hold_seconds)
          FROM claim c
         WHERE c.may_take AND c.place <= c.free
        RETURNING seats_hold.id, seats_hold.key, seats_hold.cohort_id, seats_hold.state,
                  seats_hold.expires_at
    ), counted AS (
        UPDATE seats_seatcount s
           SET held = s.held + n.held, sold = s.sold + n.sold
          FROM (SELECT t.cohort_id, count(*) FILTER (WHERE t.state = 'held') AS held,
                       count(*) FILTER (WHERE t.state = 'sold') AS sold
                  FROM taken t GROUP BY t.cohort_id) n
         WHERE s.cohort_id = n.cohort_id
    )
    SELECT c.ord,
           CASE WHEN c.old_hold IS NOT NULL THEN 'repeated'
                WHEN c.free IS NULL THEN 'unknown_cohort'
                WHEN t.id IS NULL THEN 'full'
                WHEN c.may_take THEN 'claimed'
                ELSE 'repeated' END,
           coalesce(t.id, c.old_hold), coalesce(t.expires_at, c.old_expires_at)
      FROM claim c LEFT JOIN taken t ON t.key = c.key
     ORDER BY c.ord;
END
$$;

CREATE OR REPLACE FUNCTION tell_seats_freed(p_cohorts uuid[]) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT append_events(
        array_agg('seats.freed'::text), array_agg(new_uuid7()), array_agg(NULL::uuid),
        array_agg(NULL::uuid), array_agg(''::text), array_agg(jsonb_build_object('cohort', cohort)))
      FROM unnest(p_cohorts) AS cohort
$$;

-- Gives seats back, named by their keys; seats no longer live are passed over. Returns the keys
-- given back. p_state is released or expired; expired takes only holds that are due.
--
-- Whatever frees a seat passes here, so here the queue's turn is owed: an event seats.freed for each
-- cohort that people queue for. Each is a subject of its own, so that it needs no lock.
CREATE OR REPLACE FUNCTION release_seats(p_keys uuid[], p_state text) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    v_queued uuid[];
BEGIN
    -- The counters first, in cohort order, as everywhere; only then the ledger rows.
    SELECT array_agg(s.cohort_id) FILTER (WHERE s.queued) INTO v_queued
      FROM (SELECT c.cohort_id, c.queued FROM seats_seatcount c
             WHERE c.cohort_id IN (SELECT h.cohort_id FROM seats_hold h
                                    WHERE h.key = ANY (p_keys) AND h.state IN ('held', 'sold'))
             ORDER BY c.cohort_id
               FOR NO KEY UPDATE) s;

    IF v_queued IS NOT NULL THEN
        PERFORM tell_seats_freed(v_queued);
    END IF;

    RETURN QUERY
    WITH live AS (
        SELECT h.id, h.cohort_id, h.key, h.state FROM seats_hold h
         -- The first condition on the state is what makes the partial index usable.
         WHERE h.key = ANY (p_keys) AND h.state IN ('held', 'sold')
           AND (h.state = 'held' AND (p_state = 'released' OR h.expires_at <= now())
                OR h.state = 'sold' AND p_state = 'released')
    ), ended AS (
        UPDATE seats_hold h SET state = p_state, ended_at = now()
          FROM live l WHERE h.id = l.id
    ), counted AS (
        UPDATE seats_seatcount s SET held = s.held - n.held, sold = s.sold - n.sold
          FROM (SELECT l.cohort_id, count(*) FILTER (WHERE l.state = 'held') AS held,
                       count(*) FILTER (WHERE l.state = 'sold') AS sold
                  FROM live l GROUP BY l.cohort_id) n
         WHERE s.cohort_id = n.cohort_id
    )
    SELECT l.key FROM live l;
END
$$;

-- Turns held seats into sold ones, named by their keys, also when their time has run out but
-- nobody has released them yet. Returns the keys sold.
CREATE OR REPLACE FUNCTION sell_seats(p_keys uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
BEGIN
    PERFORM 1 FROM seats_seatcount c
      WHERE c.cohort_id IN (SELECT h.cohort_id FROM seats_hold h
                             WHERE h.key = ANY (p_keys) AND h.state IN ('held', 'sold'))
      ORDER BY c.cohort_id
        FOR NO KEY UPDATE;

    RETURN QUERY
    WITH live AS MATERIALIZED (  -- by key, never by walking everything that is held
        SELECT h.id, h.state FROM seats_hold h
         WHERE h.key = ANY (p_keys) AND h.state IN ('held', 'sold')
    ), sold AS (
        UPDATE seats_hold h SET state = 'sold', expires_at = NULL
          FROM live l WHERE h.id = l.id AND l.state = 'held'
        RETURNING h.key, h.cohort_id
    ), counted AS (
        UPDATE seats_seatcount s SET held = s.held - n.seats, sold = s.sold + n.seats
          FROM (SELECT l.cohort_id, count(*) AS seats FROM sold l GROUP BY l.cohort_id) n
         WHERE s.cohort_id = n.cohort_id
    )
    SELECT l.key FROM sold l;
END
$$;
