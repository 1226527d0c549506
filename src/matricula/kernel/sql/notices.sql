-- The notices that name these ids: 22 characters each (base64 for addresses, without its padding),
-- as many in one as PostgreSQL allows (7,999 bytes). `kernel/notices.py` reads them.
CREATE OR REPLACE FUNCTION notices_of(p_ids uuid[]) RETURNS SETOF text
LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(left(translate(encode(uuid_send(id), 'base64'), '+/', '-_'), 22), '')
      FROM (SELECT id, row_number() OVER () - 1 AS place
              FROM (SELECT DISTINCT id FROM unnest(p_ids) AS id WHERE id IS NOT NULL) one) numbered
     GROUP BY place / 363
$$;

-- Tells the live processes that something happened to these.
--
-- NOTIFY takes a lock of the whole database until the commit is done, so whoever calls this queues
-- with all others who do. Not for transactions of which there are many: those write events, and the
-- dispatcher announces them by the batch.
CREATE OR REPLACE FUNCTION announce(p_ids uuid[]) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pg_notify('matricula_events', payload) FROM notices_of(p_ids) AS payload
$$;
