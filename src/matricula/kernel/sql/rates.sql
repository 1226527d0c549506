-- Adds what several processes counted to what all have counted, and returns the sums, in the order of
-- the arrays. A subject stands in a call once. In order of their keys, so that two calls that share
-- subjects cannot deadlock.
CREATE OR REPLACE FUNCTION add_requests(
    p_subjects text[], p_ends timestamptz[], p_counts integer[]
) RETURNS TABLE (ord integer, total integer)
LANGUAGE sql VOLATILE AS $$
    WITH given AS (
        SELECT * FROM unnest(p_subjects, p_ends, p_counts) WITH ORDINALITY
                      AS g(subject, ends_at, requests, ord)
    ), added AS (
        INSERT INTO kernel_requestcount AS c (subject, ends_at, requests)
        SELECT subject, ends_at, requests FROM given ORDER BY subject, ends_at
        ON CONFLICT (subject, ends_at) DO UPDATE SET requests = c.requests + excluded.requests
        RETURNING c.subject, c.ends_at, c.requests
    )
    SELECT g.ord::integer, a.requests FROM given g JOIN added a USING (subject, ends_at)
     ORDER BY g.ord
$$;
