-- Idempotency-Keys. Whoever reserves, remembers or uses a key takes its owner's lock first (the same
-- that enrolling takes), so that what is read about the key afterwards is the truth.

CREATE OR REPLACE FUNCTION lock_person(p_person uuid) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(uuid_hash_extended(p_person, 0))
$$;

-- Takes the key for a request that is about to run: true. False when it stands for a request
-- already: one that has an answer, another one, or one that still runs and whose lease holds.
CREATE OR REPLACE FUNCTION reserve_key(
    p_owner uuid, p_key text, p_fingerprint text, p_lease_seconds double precision
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
BEGIN
    PERFORM lock_person(p_owner);
    INSERT INTO kernel_rememberedanswer AS a (owner, key, fingerprint, lease_until)
    VALUES (p_owner, p_key, p_fingerprint, now() + make_interval(secs => p_lease_seconds))
    ON CONFLICT (owner, key) DO UPDATE
       SET lease_until = excluded.lease_until
     WHERE a.status IS NULL AND a.lease_until < now()
       AND split_part(a.fingerprint, ':', 1) = split_part(excluded.fingerprint, ':', 1);
    RETURN FOUND;
END
$$;

-- Keeps an answer, and returns the one that stands: the first one kept for this key.
CREATE OR REPLACE FUNCTION remember_answer(
    p_owner uuid, p_key text, p_fingerprint text, p_status integer, p_body text
) RETURNS TABLE (fingerprint text, status smallint, body text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM lock_person(p_owner);
    INSERT INTO kernel_rememberedanswer AS a (owner, key, fingerprint, status, body)
    VALUES (p_owner, p_key, p_fingerprint, p_status, p_body)
    ON CONFLICT (owner, key) DO UPDATE
       SET status = excluded.status, body = excluded.body, lease_until = NULL
     WHERE a.status IS NULL AND a.fingerprint = excluded.fingerprint;
    RETURN QUERY SELECT a.fingerprint, a.status, a.body FROM kernel_rememberedanswer a
                  WHERE a.owner = p_owner AND a.key = p_key;
END
$$;

-- The same for many answers at once, of different owners; what stands for each, in their order.
CREATE OR REPLACE FUNCTION remember_answers(
    p_owners uuid[], p_keys text[], p_fingerprints text[], p_statuses integer[], p_bodies text[]
) RETURNS TABLE (ord integer, fingerprint text, status smallint, body text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    -- In hash order, as everywhere.
    PERFORM pg_advisory_xact_lock(p.hash)
       FROM (SELECT DISTINCT uuid_hash_extended(owner, 0) AS hash
               FROM unnest(p_owners) AS owner ORDER BY 1) p;
    INSERT INTO kernel_rememberedanswer AS a (owner, key, fingerprint, status, body)
    SELECT * FROM unnest(p_owners, p_keys, p_fingerprints, p_statuses, p_bodies)
    ON CONFLICT (owner, key) DO UPDATE
       SET status = excluded.status, body = excluded.body, lease_until = NULL
     WHERE a.status IS NULL AND a.fingerprint = excluded.fingerprint;
    RETURN QUERY
    SELECT g.ord::integer, a.fingerprint, a.status, a.body
      FROM unnest(p_owners, p_keys) WITH ORDINALITY AS g(owner, key, ord)
      JOIN kernel_rememberedanswer a ON a.owner = g.owner AND a.key = g.key
     ORDER BY g.ord;
END
$$;
