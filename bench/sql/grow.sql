-- Enrollments of long ago, from number {first} up to {last}: ten to a person, over the quiet courses,
-- with their seats and events, as if they had been made one by one. The database makes them itself:
-- nothing that a client could COPY in is faster.
SET LOCAL session_replication_role = replica;  -- the rows are right, so no foreign key is checked
CREATE TEMPORARY TABLE grown_person ON COMMIT DROP AS
SELECT n, uuidv7('-50 days') AS id FROM generate_series({first} / 10, {last} / 10 - 1) AS n;
INSERT INTO bench_stock SELECT n, id FROM grown_person;
INSERT INTO accounts_person
SELECT (jsonb_populate_record(p, jsonb_build_object(
           'id', g.id, 'email', 'stock-' || g.n || '@load.example.com'))).*
  FROM accounts_person p, grown_person g WHERE p.email = 'learner@example.com';

CREATE TEMPORARY TABLE grown ON COMMIT DROP AS
SELECT uuidv7('-40 days') AS id, s.id AS person, c.course_id AS course, c.cohort_id AS cohort
  FROM generate_series({first}, {last} - 1) AS g(n)
  JOIN bench_stock s ON s.n = g.n / 10
  JOIN bench_place c ON c.list = 1 AND c.n = (g.n / 10 * 7 + g.n % 10 * 101) % 1000;
INSERT INTO enrollments_enrollment
       (id, person_id, course_id, cohort_id, stage, reason, metadata, requested_at, confirmed_at)
SELECT id, person, course, cohort, 'confirmed', '', '{}', now() - interval '40 days',
       now() - interval '40 days' FROM grown;
INSERT INTO seats_hold (id, cohort_id, person_id, key, state, created_at)
SELECT uuidv7('-40 days'), cohort, person, id, 'sold', now() - interval '40 days' FROM grown;
INSERT INTO kernel_event
       (id, type, subject, subject_seq, person, actor, correlation_id, at, data)
SELECT uuidv7('-40 days'), t.type, g.id, t.seq, g.person, g.person, 'grown',
       now() - interval '40 days', jsonb_build_object('course', g.course, 'cohort', g.cohort)
  FROM grown g, (VALUES (1, 'enrollment.requested'), (2, 'enrollment.confirmed'),
                        (3, 'access.granted')) AS t(seq, type);
-- Last, one after the other: the counters are the same for all who grow at once.
SELECT pg_advisory_xact_lock(hashtext('grow'));
UPDATE seats_seatcount s SET sold = s.sold + n.seats
  FROM (SELECT cohort, count(*) AS seats FROM grown GROUP BY cohort) n WHERE s.cohort_id = n.cohort;
