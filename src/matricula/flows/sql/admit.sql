-- The waiting room: tickets are taken in order of arrival, and served in that order.
--
-- Arrival is the moment a ticket gets its number, under the lock of the cohort's line, which is kept
-- until commit. So numbers have no gaps, who has the smaller one committed first, and whoever sees a
-- number sees every smaller one: serving "up to number n" passes nobody over. A sequence would give
-- its numbers before commit, and a slow commit would turn up behind those served.

-- Takes tickets, for any number of people at once. Arrays hold one request each, in order of
-- arrival; a person at most once in a call. One outcome a request, in the same order:
--   queued          the ticket is taken: the enrollment's id and its number
--   already         a live enrollment in this course exists: its id, stage and hold
--   not_open        registration has not opened yet, by the database's clock
--   over            registration is over; p_after_start is how long it goes on after the start of a
--                   cohort without a deadline of its own
--   unknown_cohort  no such cohort, or it has no waiting room
--
-- Locks: the person (advisory, in hash order), as enroll_people does; then the lines, in cohort
-- order, as late as possible, since they are what a crowd queues for.
CREATE OR REPLACE FUNCTION take_tickets(
    p_persons uuid[], p_courses uuid[], p_cohorts uuid[], p_enrollments uuid[],
    p_metadata jsonb[], p_correlation_ids text[], p_keys text[], p_after_start interval
) RETURNS TABLE (
    ord integer, outcome text, enrollment_id uuid, stage text, hold_expires_at timestamptz,
    number bigint
)
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_outcomes text[];
    v_ids uuid[];
    v_stages text[];
    v_holds timestamptz[];
    v_numbers bigint[];
BEGIN
    IF (SELECT count(DISTINCT person) < count(*) FROM unnest(p_persons) AS person) THEN
        RAISE EXCEPTION 'one request a person in one call'
              USING ERRCODE = 'invalid_parameter_value';
    END IF;

    PERFORM pg_advisory_xact_lock(p.hash)
       FROM (SELECT DISTINCT uuid_hash_extended(person, 0) AS hash
               FROM unnest(p_persons) AS person ORDER BY 1) p;

    SELECT array_agg(s.outcome ORDER BY s.ord), array_agg(s.id ORDER BY s.ord),
           array_agg(s.stage ORDER BY s.ord), array_agg(s.hold_expires_at ORDER BY s.ord)
      INTO v_outcomes, v_ids, v_stages, v_holds
      FROM (SELECT g.ord, coalesce(live.id, g.enrollment) AS id,
                   coalesce(live.stage, 'requested') AS stage, live.hold_expires_at,
                   CASE WHEN live.id IS NOT NULL THEN 'already'
                        WHEN l.cohort_id IS NULL THEN 'unknown_cohort'
                        WHEN c.opens_at > clock_timestamp() THEN 'not_open'
                        WHEN registration_ends_at(c.closes_at, c.starts_at, c.ends_at, p_after_start)
                             <= clock_timestamp() THEN 'over'
                        ELSE 'queued' END AS outcome
              FROM unnest(p_persons, p_courses, p_cohorts, p_enrollments) WITH ORDINALITY
                   AS g(person, course, cohort, enrollment, ord)
              LEFT JOIN catalog_cohort c ON c.id = g.cohort
              LEFT JOIN waitingroom_line l ON l.cohort_id = g.cohort
              LEFT JOIN LATERAL (
                   SELECT e.id, e.stage, e.hold_expires_at FROM enrollments_enrollment e
                    -- No equality, for the reason that enroll.sql gives.
                    WHERE e.person_id = g.person AND e.course_id IS NOT DISTINCT FROM g.course
                      AND e.stage IN ('requested', 'validated', 'payment_pending',
                                      'payment_completed', 'confirmed')
                    LIMIT 1) live ON true) s;

    INSERT INTO enrollments_enrollment
           (id, person_id, course_id, cohort_id, stage, reason, metadata)
    SELECT p_enrollments[r.ord], p_persons[r.ord], p_courses[r.ord], p_cohorts[r.ord],
           'requested', '', p_metadata[r.ord]
      FROM unnest(v_outcomes) WITH ORDINALITY AS r(outcome, ord)
     WHERE r.outcome = 'queued';

    -- From here on until commit, nobody else takes a ticket of these cohorts.
    PERFORM 1 FROM waitingroom_line l
      WHERE l.cohort_id IN (SELECT p_cohorts[r.ord]
                              FROM unnest(v_outcomes) WITH ORDINALITY AS r(outcome, ord)
                             WHERE r.outcome = 'queued')
      ORDER BY l.cohort_id
        FOR NO KEY UPDATE;

    WITH queued AS (
        SELECT r.ord, p_cohorts[r.ord] AS cohort,
               row_number() OVER (PARTITION BY p_cohorts[r.ord] ORDER BY r.ord) AS step,
               count(*) OVER (PARTITION BY p_cohorts[r.ord]) AS total
          FROM unnest(v_outcomes) WITH ORDINALITY AS r(outcome, ord)
         WHERE r.outcome = 'queued'
    ), counted AS (
        UPDATE waitingroom_line l SET last_number = l.last_number + q.total
          FROM (SELECT DISTINCT cohort, total FROM queued) q WHERE l.cohort_id = q.cohort
        RETURNING l.cohort_id, l.last_number - q.total AS before
    ), taken AS (
        INSERT INTO waitingroom_ticket
               (enrollment_id, cohort_id, number, state, code, key, taken_at)
        SELECT p_enrollments[q.ord], q.cohort, c.before + q.step, 'waiting', '',
               coalesce(p_keys[q.ord], ''), clock_timestamp()
          FROM queued q JOIN counted c ON c.cohort_id = q.cohort
         ORDER BY q.ord
        RETURNING waitingroom_ticket.enrollment_id, waitingroom_ticket.number
    )
    SELECT array_agg(t.number ORDER BY r.ord) INTO v_numbers
      FROM unnest(v_ids) WITH ORDINALITY AS r(id, ord)
      LEFT JOIN taken t ON t.enrollment_id = r.id;

    PERFORM append_events(
        array_agg(s.type ORDER BY s.ord, s.step), array_agg(v_ids[s.ord] ORDER BY s.ord, s.step),
        array_agg(p_persons[s.ord] ORDER BY s.ord, s.step),
        array_agg(p_persons[s.ord] ORDER BY s.ord, s.step),
        array_agg(p_correlation_ids[s.ord] ORDER BY s.ord, s.step),
        array_agg(s.data ORDER BY s.ord, s.step))
       FROM (SELECT r.ord, t.step, t.type,
                    jsonb_build_object('course', p_courses[r.ord], 'cohort', p_cohorts[r.ord])
                    || CASE t.step WHEN 2 THEN jsonb_build_object('ticket', v_numbers[r.ord])
                                   ELSE '{}' END AS data
               FROM unnest(v_outcomes) WITH ORDINALITY AS r(outcome, ord)
              CROSS JOIN (VALUES (1, 'enrollment.requested'),
                                 (2, 'enrollment.queued')) AS t(step, type)
              WHERE r.outcome = 'queued') s
     HAVING count(*) > 0;

    RETURN QUERY
    SELECT r.ord::integer, r.outcome, r.id, r.stage, r.hold_expires_at, r.number
      FROM unnest(v_outcomes, v_ids, v_stages, v_holds, v_numbers) WITH ORDINALITY
           AS r(outcome, id, stage, hold_expires_at, number, ord)
     ORDER BY r.ord;
END
$$;

-- Serves the next tickets of one line, given in the order of their numbers: p_codes and p_reasons
-- say who must be refused and why (NULL: may come in). The others get seats in that order while
-- there are any, sold at once or, with p_hold_seconds, held; then the course is full for the rest.
-- Those who have left are passed over. Returns how many were admitted and refused.
--
-- The caller holds the room's row, so that one serves at a time. Locks from here: the cohort's counter
-- row, then the enrollments in id order, as everywhere. Whoever leaves takes the same two, so it
-- happens before a ticket is served or after, never half.
CREATE OR REPLACE FUNCTION admit_people(
    p_cohort uuid, p_enrollments uuid[], p_codes text[], p_reasons text[],
    p_hold_seconds integer, p_access_days integer, p_full_reason text, p_served_up_to bigint
) RETURNS TABLE (admitted bigint, refused bigint)
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_ids uuid[];
    v_persons uuid[];
    v_courses uuid[];
    v_codes text[];
    v_reasons text[];
    v_holds timestamptz[];
    v_admitted bigint;
    v_refused bigint;
    v_came timestamptz;        -- when the first of them took the ticket
BEGIN
    PERFORM 1 FROM seats_seatcount s WHERE s.cohort_id = p_cohort FOR NO KEY UPDATE;

    WITH here AS MATERIALIZED (
        SELECT e.id, e.person_id, e.course_id FROM enrollments_enrollment e
         WHERE e.id = ANY (p_enrollments) AND e.stage = 'requested'
         ORDER BY e.id FOR UPDATE
    )
    SELECT coalesce(array_agg(h.id ORDER BY g.ord), '{}'),
           coalesce(array_agg(h.person_id ORDER BY g.ord), '{}'),
           array_agg(h.course_id ORDER BY g.ord), array_agg(g.code ORDER BY g.ord),
           array_agg(g.reason ORDER BY g.ord)
      INTO v_ids, v_persons, v_courses, v_codes, v_reasons
      FROM unnest(p_enrollments, p_codes, p_reasons) WITH ORDINALITY AS g(id, code, reason, ord)
      JOIN here h ON h.id = g.id;

    SELECT array_agg(CASE WHEN v_codes[c.ord] IS NOT NULL THEN v_codes[c.ord]
                          WHEN c.outcome NOT IN ('claimed', 'repeated') THEN 'course_full'
                     END ORDER BY c.ord),
           array_agg(coalesce(v_reasons[c.ord], p_full_reason) ORDER BY c.ord),
           array_agg(c.expires_at ORDER BY c.ord)
      INTO v_codes, v_reasons, v_holds
      FROM claim_seats(
               v_persons,
               -- No cohort: no seat is asked for.
               ARRAY(SELECT CASE WHEN r.code IS NULL THEN p_cohort END
                       FROM unnest(v_codes) WITH ORDINALITY AS r(code, ord) ORDER BY r.ord),
               v_ids, array_fill(p_hold_seconds, ARRAY[cardinality(v_ids)])) c;

    UPDATE enrollments_enrollment e
       SET stage = CASE WHEN r.code IS NOT NULL THEN 'failed'
                        WHEN p_hold_seconds IS NULL THEN 'confirmed' ELSE 'validated' END,
           hold_expires_at = r.expires_at,
           confirmed_at = CASE WHEN r.code IS NULL AND p_hold_seconds IS NULL THEN now() END,
           access_expires_at = CASE WHEN r.code IS NULL AND p_hold_seconds IS NULL
                                    THEN now() + make_interval(days => p_access_days) END,
           ended_at = CASE WHEN r.code IS NOT NULL THEN now() END,
           reason = CASE WHEN r.code IS NOT NULL THEN r.reason ELSE '' END
      FROM unnest(v_ids, v_codes, v_reasons, v_holds) AS r(id, code, reason, expires_at)
     WHERE e.id = r.id;

    UPDATE waitingroom_ticket t
       SET state = CASE WHEN r.code IS NULL THEN 'admitted' ELSE 'refused' END,
           code = coalesce(r.code, ''), decided_at = clock_timestamp()
      FROM unnest(v_ids, v_codes) AS r(id, code)
     WHERE t.enrollment_id = r.id;

    PERFORM append_events(
        array_agg(s.type ORDER BY s.ord, s.step), array_agg(s.id ORDER BY s.ord, s.step),
        array_agg(s.person ORDER BY s.ord, s.step),
        array_agg(NULL::uuid), array_agg(s.correlation_id ORDER BY s.ord, s.step),
        array_agg(s.data ORDER BY s.ord, s.step))
       FROM (SELECT r.ord, t.step, t.type, r.id, r.person, asked.correlation_id,
                    jsonb_strip_nulls(jsonb_build_object(
                        'course', r.course, 'cohort', p_cohort, 'code', r.code)) AS data
               FROM unnest(v_ids, v_persons, v_courses, v_codes) WITH ORDINALITY
                    AS r(id, person, course, code, ord)
               JOIN (VALUES ('sold', 1, 'enrollment.confirmed'), ('sold', 2, 'access.granted'),
                            ('held', 1, 'enrollment.held'),
                            ('none', 1, 'enrollment.failed')) AS t(outcome, step, type)
                 ON t.outcome = CASE WHEN r.code IS NOT NULL THEN 'none'
                                     WHEN p_hold_seconds IS NULL THEN 'sold' ELSE 'held' END
               -- What follows from a request carries its correlation id.
               JOIN LATERAL (SELECT v.correlation_id FROM kernel_event v
                              WHERE v.subject = r.id AND v.subject_seq = 1) asked ON true) s
     HAVING count(*) > 0;

    SELECT count(*) FILTER (WHERE r.code IS NULL), count(*) FILTER (WHERE r.code IS NOT NULL)
      INTO v_admitted, v_refused FROM unnest(v_ids, v_codes) AS r(id, code);
    SELECT t.taken_at INTO v_came FROM waitingroom_ticket t WHERE t.enrollment_id = p_enrollments[1];
    -- The pace is that of a line that waits: since it last moved, or since it began. A few tickets
    -- say little of it and count little.
    UPDATE waitingroom_room r
       SET served_up_to = p_served_up_to, moved_at = clock_timestamp(),
           admitted = r.admitted + v_admitted, refused = r.refused + v_refused,
           pace = coalesce(r.pace + (m.pace - r.pace) * least(0.5, m.served / 200), m.pace)
      FROM (SELECT n.served, n.served / greatest(0.001, extract(epoch FROM
                       clock_timestamp() - greatest(old.moved_at, v_came)))::float8 AS pace
              FROM waitingroom_room old,
                   (SELECT cardinality(p_enrollments)::float8 AS served) n
             WHERE old.cohort_id = p_cohort) m
     WHERE r.cohort_id = p_cohort;
    RETURN QUERY SELECT v_admitted, v_refused;
END
$$;
