-- How people stand toward courses: what every decision to enroll asks first, for any number of them at
-- once. Whatever only a course with rules asks is added by `standings.py`.
--
-- A function for its plan: as a statement it was planned anew for each batch of the desk, which took as
-- long as reading. The plan may have been made while all tables were nearly empty (docs/adr/0047), so
-- each row is looked for by itself, and by conditions that fit no index but those of its person.
CREATE OR REPLACE FUNCTION standings_of(
    p_persons uuid[], p_courses uuid[], p_keys text[], p_related uuid[], p_apart_from uuid[]
) RETURNS TABLE (
    ord bigint, person uuid, is_active boolean, is_verified boolean,
    fingerprint text, status integer, body text,
    live_id uuid, live_cohort uuid, live_stage text, hold_expires_at timestamptz, completed uuid[]
)
LANGUAGE plpgsql STABLE ROWS 1
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT asked.ord, asked.person,
           coalesce(p.is_active, false),
           coalesce(p.guest_email <> '' OR  -- confirmed by the mail that a guest gets after paying
                    EXISTS (SELECT 1 FROM account_emailaddress a
                             WHERE a.user_id = p.id AND a.email = p.email AND a.verified), false),
           answer.fingerprint::text, answer.status::integer, answer.body,
           live.id, live.cohort_id, live.stage::text, live.hold_expires_at,
           CASE WHEN cardinality(p_related) = 0 THEN '{}'
                ELSE ARRAY(SELECT d.course_id FROM enrollments_completion d
                            WHERE d.person_id = p.id AND p_related @> ARRAY[d.course_id]) END
      FROM unnest(p_persons, p_courses, p_keys) WITH ORDINALITY AS asked(person, course, key, ord)
      LEFT JOIN LATERAL (
           SELECT * FROM accounts_person p WHERE p.id = asked.person LIMIT 1) p ON true
      LEFT JOIN LATERAL (
           SELECT * FROM enrollments_enrollment e
            WHERE e.person_id = asked.person AND e.course_id IS NOT DISTINCT FROM asked.course
              AND e.stage IN ('requested', 'validated', 'payment_pending', 'payment_completed',
                              'confirmed')
              AND e.id <> ALL (p_apart_from)
            LIMIT 1) live ON true
      LEFT JOIN LATERAL (
           SELECT * FROM kernel_rememberedanswer a
            WHERE a.owner = asked.person AND a.key = asked.key
            LIMIT 1) answer ON true
     ORDER BY asked.ord;
END
$$;
