-- The write side of enrolling, for any number of people at once; one is the ordinary case. One call
-- is one transaction: seats, enrollments, events and remembered answers stand or fall together.
--
-- Arrays hold one request each, in order of arrival; a person at most once in a call, since what their
-- second request deserves depends on the first. One outcome a request, in the same order:
--   enrolled        the seat is sold and access is granted (hold_seconds NULL)
--   held            the seat is held for hold_seconds
--   already         a live enrollment in this course exists: its id and stage
--   answered        the Idempotency-Key already stands for a request: look its answer up
--   full            no seat
--   unknown_cohort  no such cohort, or it has no seats set up
--
-- Locks, always in this order: the person (advisory, in hash order), then the cohorts' counter rows
-- (in cohort order, by claim_seats). The first makes two requests of one person follow each other,
-- so that what is read about the person after it is the truth; double clicks, two tabs and repeated
-- keys need nothing more. The unique index one_live_enrollment stands behind it.
CREATE OR REPLACE FUNCTION enroll_people(
    p_persons uuid[], p_courses uuid[], p_cohorts uuid[], p_enrollments uuid[],
    p_hold_seconds integer[], p_access_days integer[], p_metadata jsonb[],
    p_correlation_ids text[], p_keys text[], p_fingerprints text[], p_bodies text[]
) RETURNS TABLE (
    ord integer, outcome text, enrollment_id uuid, stage text, hold_expires_at timestamptz
)
LANGUAGE plpgsql VOLATILE
-- Every statement looks rows up by key, so one plan serves all parameters; planning anew at each call
-- cost as much as the work. A connection keeps the plan while the tables grow: made when they were
-- nearly empty it would read them whole ever after (docs/adr/0047). Holds for what is called from here.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_outcomes text[];         -- one an element of the given arrays; NULL: not decided yet
    v_ids uuid[];
    v_stages text[];
    v_holds timestamptz[];
    v_asked uuid[];            -- the cohort to claim in, where not decided yet
BEGIN
    IF (SELECT count(DISTINCT person) < count(*) FROM unnest(p_persons) AS person) THEN
        RAISE EXCEPTION 'one request a person in one call'
              USING ERRCODE = 'invalid_parameter_value';
    END IF;

    PERFORM pg_advisory_xact_lock(p.hash)
       FROM (SELECT DISTINCT uuid_hash_extended(person, 0) AS hash
               FROM unnest(p_persons) AS person ORDER BY 1) p;

    -- What is known of each before any seat is asked for.
    SELECT array_agg(s.outcome ORDER BY s.ord), array_agg(s.id ORDER BY s.ord),
           array_agg(s.stage ORDER BY s.ord), array_agg(s.hold_expires_at ORDER BY s.ord),
           array_agg(CASE WHEN s.outcome IS NULL THEN s.cohort END ORDER BY s.ord)
      INTO v_outcomes, v_ids, v_stages, v_holds, v_asked
      FROM (SELECT g.ord::integer, g.cohort, live.id, live.stage, live.hold_expires_at,
                   CASE WHEN used.owner IS NOT NULL THEN 'answered'
                        WHEN live.id IS NOT NULL THEN 'already' END AS outcome
              FROM unnest(p_persons, p_courses, p_cohorts, p_keys) WITH ORDINALITY
                   AS g(person, course, cohort, key, ord)
              LEFT JOIN LATERAL (
                   SELECT a.owner FROM kernel_rememberedanswer a
                    WHERE a.owner = g.person AND a.key = g.key LIMIT 1) used ON true
              LEFT JOIN LATERAL (
                   SELECT e.id, e.stage, e.hold_expires_at FROM enrollments_enrollment e
                    -- No equality: among few enrollments the index of the course seems as good as the
                    -- person's, and would be read whole for each when all want the same course.
                    WHERE e.person_id = g.person AND e.course_id IS NOT DISTINCT FROM g.course
                      AND e.stage IN ('requested', 'validated', 'payment_pending',
                                      'payment_completed', 'confirmed')
                    LIMIT 1) live ON true) s;

    WITH decided AS (
        SELECT c.ord, c.expires_at,
               CASE WHEN v_outcomes[c.ord] IS NOT NULL THEN v_outcomes[c.ord]
                    WHEN c.outcome <> 'claimed' THEN c.outcome
                    WHEN c.expires_at IS NULL THEN 'enrolled'
                    ELSE 'held' END AS outcome
          FROM claim_seats(p_persons, v_asked, p_enrollments, p_hold_seconds) c
    ), made AS (
        INSERT INTO enrollments_enrollment
               (id, person_id, course_id, cohort_id, stage, hold_expires_at, access_expires_at,
                reason, metadata, confirmed_at)
        SELECT p_enrollments[d.ord], p_persons[d.ord], p_courses[d.ord], p_cohorts[d.ord],
               CASE d.outcome WHEN 'enrolled' THEN 'confirmed' ELSE 'validated' END,
               d.expires_at,
               CASE d.outcome WHEN 'enrolled'
                    THEN now() + make_interval(days => p_access_days[d.ord]) END,
               '', p_metadata[d.ord],
               CASE d.outcome WHEN 'enrolled' THEN now() END
          FROM decided d
         WHERE d.outcome IN ('enrolled', 'held')
    ), remembered AS (
        -- A held seat still has to be paid for: its answer is remembered once it is complete.
        INSERT INTO kernel_rememberedanswer (owner, key, fingerprint, status, body)
        SELECT p_persons[d.ord], p_keys[d.ord], p_fingerprints[d.ord], 201, p_bodies[d.ord]
          FROM decided d
         WHERE d.outcome = 'enrolled' AND p_keys[d.ord] IS NOT NULL
    )
    SELECT array_agg(d.outcome ORDER BY d.ord),
           array_agg(CASE WHEN d.outcome IN ('enrolled', 'held') THEN p_enrollments[d.ord]
                          ELSE v_ids[d.ord] END ORDER BY d.ord),
           array_agg(CASE d.outcome WHEN 'enrolled' THEN 'confirmed' WHEN 'held' THEN 'validated'
                          ELSE v_stages[d.ord] END ORDER BY d.ord),
           array_agg(coalesce(d.expires_at, v_holds[d.ord]) ORDER BY d.ord)
      INTO v_outcomes, v_ids, v_stages, v_holds
      FROM decided d;

    PERFORM append_events(
        array_agg(s.type ORDER BY s.ord, s.step), array_agg(s.id ORDER BY s.ord, s.step),
        array_agg(p_persons[s.ord] ORDER BY s.ord, s.step),
        array_agg(p_persons[s.ord] ORDER BY s.ord, s.step),
        array_agg(p_correlation_ids[s.ord] ORDER BY s.ord, s.step),
        array_agg(s.data ORDER BY s.ord, s.step))
       FROM (SELECT r.ord, t.step, r.id, t.type,
                    jsonb_build_object('course', p_courses[r.ord], 'cohort', p_cohorts[r.ord])
                      AS data
               FROM unnest(v_outcomes, v_ids) WITH ORDINALITY AS r(outcome, id, ord)
               JOIN (VALUES ('enrolled', 1, 'enrollment.requested'),
                            ('enrolled', 2, 'enrollment.confirmed'),
                            ('enrolled', 3, 'access.granted'),
                            ('held', 1, 'enrollment.requested'),
                            ('held', 2, 'enrollment.held')) AS t(outcome, step, type)
                 ON t.outcome = r.outcome) s
     HAVING count(*) > 0;

    RETURN QUERY
    SELECT r.ord::integer, r.outcome, r.id, r.stage, r.hold_expires_at
      FROM unnest(v_outcomes, v_ids, v_stages, v_holds) WITH ORDINALITY
           AS r(outcome, id, stage, hold_expires_at, ord)
     ORDER BY r.ord;
END
$$;
