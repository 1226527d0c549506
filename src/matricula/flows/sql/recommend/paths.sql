-- What people took after a course, and what besides: of those who were confirmed in it, or completed
-- it, since a moment. Only pairs that `least` people share are counted, so that no row tells what
-- one person chose. A course that everybody takes is near to none: the count is weighed against how
-- many took each of the two.
WITH one_each AS (
    SELECT person_id, course_id, min(at) AS at
      FROM (SELECT person_id, course_id, confirmed_at AS at FROM enrollments_enrollment
             WHERE stage = 'confirmed' AND confirmed_at >= %(since)s
            UNION ALL
            SELECT person_id, course_id, completed_at FROM enrollments_completion
             WHERE completed_at >= %(since)s) t
     GROUP BY person_id, course_id
), taken AS MATERIALIZED (
    -- Whoever took very many counts with the latest: their pairs grow with the square.
    SELECT person_id, course_id, at
      FROM (SELECT o.*, row_number() OVER (PARTITION BY person_id ORDER BY at DESC) AS n
              FROM one_each o) o
     WHERE n <= %(most_of_one)s
), takers AS (
    SELECT course_id, count(*) AS people FROM taken GROUP BY course_id
), pairs AS (
    SELECT a.course_id AS course, b.course_id AS other,
           count(*) AS both_taken, count(*) FILTER (WHERE b.at > a.at) AS afterwards
      FROM taken a JOIN taken b ON b.person_id = a.person_id AND b.course_id <> a.course_id
     GROUP BY 1, 2
    HAVING count(*) >= %(least)s
), near AS (
    SELECT p.course, p.other, p.afterwards >= %(least)s AND p.afterwards * 2 > p.both_taken AS next,
           p.both_taken / sqrt(t.people::float8 * o.people) AS nearness
      FROM pairs p
      JOIN takers t ON t.course_id = p.course
      JOIN takers o ON o.course_id = p.other
      JOIN catalog_course c ON c.id = p.other AND c.status = 'published'
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY course, next ORDER BY nearness DESC, other) AS n
      FROM near
), found AS (
    SELECT course,
           coalesce(array_agg(other ORDER BY n) FILTER (WHERE next), '{}') AS taken_next,
           coalesce(array_agg(other ORDER BY n) FILTER (WHERE NOT next), '{}') AS taken_together
      FROM ranked WHERE n <= %(most)s
     GROUP BY course
)
INSERT INTO catalog_recommendation AS r (course_id, taken_next, taken_together, learned_at)
SELECT c.id, coalesce(f.taken_next, '{}'), coalesce(f.taken_together, '{}'), now()
  FROM catalog_course c LEFT JOIN found f ON f.course = c.id
 ORDER BY c.id
    ON CONFLICT (course_id) DO UPDATE
   SET taken_next = excluded.taken_next, taken_together = excluded.taken_together,
       learned_at = excluded.learned_at
 WHERE (r.taken_next, r.taken_together) <> (excluded.taken_next, excluded.taken_together)
