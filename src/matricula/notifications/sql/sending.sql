-- The relay has taken this mail: it is sent, its content goes, and its person's log says so. One that
-- was meanwhile withdrawn or recorded by another stays as it is.
CREATE OR REPLACE FUNCTION record_sent(p_delivery uuid, p_at timestamptz, p_correlation_id text)
RETURNS void
LANGUAGE sql VOLATILE AS $$
    WITH moved AS (
        UPDATE notifications_delivery
           SET state = 'sent', sent_at = p_at, tries = tries + 1, content = NULL, error = ''
         WHERE id = p_delivery AND state = 'queued'
        RETURNING id, person_id, kind
    )
    SELECT append_events(ARRAY['message.sent'], ARRAY[id], ARRAY[person_id], ARRAY[NULL::uuid],
                         ARRAY[p_correlation_id], ARRAY[jsonb_build_object('kind', kind)])
      FROM moved WHERE person_id IS NOT NULL
$$;
