-- Which courses are alike: by the words they share, each weighed by how rare it is and where it
-- stands (tf-idf, compared as a cosine), by category, teacher and language. A word or category of
-- more than `most_alike` courses says nothing, and would make the pairs too many.
WITH total AS (
    SELECT count(*) AS courses, greatest(3, least(%(most_alike)s, count(*) / 5)) AS common
      FROM catalog_course WHERE status <> 'draft'
), words AS MATERIALIZED (
    SELECT c.id, w.lexeme,
           CASE WHEN 'A' = ANY (w.weights) THEN 1.0 WHEN 'B' = ANY (w.weights) THEN 0.6
                ELSE 0.3 END AS weight
      FROM catalog_course c CROSS JOIN LATERAL unnest(c.search) w
     WHERE c.status <> 'draft'
), spread AS (
    SELECT lexeme, count(*) AS courses FROM words GROUP BY lexeme
), telling AS MATERIALIZED (
    SELECT w.id, w.lexeme, s.courses, (w.weight * ln(1 + t.courses::float8 / s.courses)) AS weight
      FROM words w JOIN spread s USING (lexeme) CROSS JOIN total t
     WHERE s.courses <= t.common
), lengths AS (
    SELECT id, sqrt(sum(weight * weight)) AS length FROM telling GROUP BY id
), by_words AS (
    SELECT a.id AS course, b.id AS other, sum(a.weight * b.weight) AS shared
      FROM telling a JOIN telling b ON b.lexeme = a.lexeme AND b.id <> a.id
     WHERE a.courses > 1
     GROUP BY 1, 2
), groups AS (
    SELECT id, 'category' AS kind, category AS name, 0.3 AS worth
      FROM catalog_course WHERE status <> 'draft' AND category <> ''
    UNION ALL
    SELECT id, 'teacher', instructor_name, 0.2
      FROM catalog_course WHERE status <> 'draft' AND instructor_name <> ''
), small AS (
    SELECT * FROM (SELECT g.*, count(*) OVER (PARTITION BY kind, name) AS courses FROM groups g) g
     WHERE courses <= %(most_alike)s
), by_group AS (
    SELECT a.id AS course, b.id AS other, sum(a.worth) AS worth
      FROM small a JOIN small b ON b.kind = a.kind AND b.name = a.name AND b.id <> a.id
     GROUP BY 1, 2
), near AS (
    SELECT course, other,
           coalesce(w.shared / (l.length * k.length), 0) + coalesce(g.worth, 0) AS nearness
      FROM by_words w FULL JOIN by_group g USING (course, other)
      LEFT JOIN lengths l ON l.id = course
      LEFT JOIN lengths k ON k.id = other
), ranked AS (
    SELECT n.course, n.other,
           row_number() OVER (PARTITION BY n.course
                              ORDER BY n.nearness
                                       + CASE WHEN c.language = o.language THEN 0.1 ELSE 0 END DESC,
                                       o.title, o.id) AS n
      FROM near n
      JOIN catalog_course c ON c.id = n.course
      JOIN catalog_course o ON o.id = n.other AND o.status = 'published'
     WHERE n.nearness >= %(least_nearness)s
), found AS (
    SELECT course, array_agg(other ORDER BY n) AS alike FROM ranked WHERE n <= %(most)s
     GROUP BY course
)
INSERT INTO catalog_recommendation AS r (course_id, alike, learned_at)
SELECT c.id, coalesce(f.alike, '{}'), now()
  FROM catalog_course c LEFT JOIN found f ON f.course = c.id
 ORDER BY c.id
    ON CONFLICT (course_id) DO UPDATE
   SET alike = excluded.alike, learned_at = excluded.learned_at
 WHERE r.alike <> excluded.alike
