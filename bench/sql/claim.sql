-- What pgbench runs: one enrollment a transaction, through the same function as the site's own.
-- Each client counts by itself, so that no two ask for the same person and place; the rule by which
-- people and places are taken is `bench.load.place`. Variables: people, stride, first, places, list.
\set n :i * :clients + :client_id
\set i :i + 1
\set person mod(:n, :people)
\set place mod(:person * :stride + :n / :people + :first, :places)
SELECT done.outcome
  FROM bench_person p, bench_place c,
       enroll_people(
           ARRAY[p.id], ARRAY[c.course_id], ARRAY[c.cohort_id], ARRAY[uuidv7()],
           ARRAY[NULL::integer], ARRAY[NULL::integer], ARRAY['{}'::jsonb],
           ARRAY['benchmark-correlation-id-000000000001'],
           ARRAY['pgbench-' || :list::text || '-' || :first::text || '-' || :n::text],
           ARRAY[repeat('f', 64)], ARRAY[repeat('b', 850)]) AS done
 WHERE p.n = :person AND c.list = :list AND c.n = :place;
