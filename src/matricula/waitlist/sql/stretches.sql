-- How many stand before somebody, without reading all who do: places that wait are counted by
-- stretches of 256 numbers of one rank (`Stretch`), so that a position is the sum of a few hundred
-- rows and of the places of one stretch, also where fifty thousand wait.
--
-- Triggers keep the counts, so that no way of changing an entry can forget them. Whoever changes
-- entries holds the counter row of their cohort, so nobody waits here for a stretch.
CREATE OR REPLACE FUNCTION stretch_of(p_place numeric) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT floor(p_place / 256)::bigint $$;

-- Counts entries that wait now, and no more those that waited before. Where both are the same, as in
-- most changes of an entry, nothing is written; stretches that nobody is left in go.
CREATE OR REPLACE FUNCTION move_stretches(p_before waitlist_entry[], p_now waitlist_entry[])
RETURNS void
LANGUAGE sql VOLATILE AS $$
    WITH moved AS (
        SELECT r.cohort_id, r.rank, stretch_of(r.place) AS number, sum(r.sign) AS places,
               sum(r.sign * r.party_size) AS seats, sum(r.sign * r.is_counted::int) AS counted
          FROM (SELECT 1 AS sign, n.* FROM unnest(p_now) n WHERE n.state = 'waiting'
                 UNION ALL
                SELECT -1, b.* FROM unnest(p_before) b WHERE b.state = 'waiting') r
         GROUP BY r.cohort_id, r.rank, stretch_of(r.place)
        HAVING sum(r.sign) <> 0 OR sum(r.sign * r.party_size) <> 0
            OR sum(r.sign * r.is_counted::int) <> 0
    )
    INSERT INTO waitlist_stretch AS s (cohort_id, rank, number, places, seats, counted)
    SELECT m.* FROM moved m ORDER BY m.cohort_id, m.rank, m.number
        ON CONFLICT (cohort_id, rank, number) DO UPDATE
       SET places = s.places + excluded.places, seats = s.seats + excluded.seats,
           counted = s.counted + excluded.counted;

    DELETE FROM waitlist_stretch s
     USING (SELECT DISTINCT b.cohort_id, b.rank, stretch_of(b.place) AS number
              FROM unnest(p_before) b WHERE b.state = 'waiting') b
     WHERE s.cohort_id = b.cohort_id AND s.rank = b.rank AND s.number = b.number AND s.places = 0
$$;

CREATE OR REPLACE FUNCTION count_stretches() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- Each branch is planned when it is first run: the tables of the others are not there then.
    IF TG_OP = 'INSERT' THEN
        PERFORM move_stretches('{}', ARRAY(SELECT n::waitlist_entry FROM new_rows n));
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM move_stretches(ARRAY(SELECT o::waitlist_entry FROM old_rows o),
                               ARRAY(SELECT n::waitlist_entry FROM new_rows n));
    ELSE
        PERFORM move_stretches(ARRAY(SELECT o::waitlist_entry FROM old_rows o), '{}');
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER stretches_of_new AFTER INSERT ON waitlist_entry
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_stretches();
CREATE OR REPLACE TRIGGER stretches_of_changed AFTER UPDATE ON waitlist_entry
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_stretches();
CREATE OR REPLACE TRIGGER stretches_of_gone AFTER DELETE ON waitlist_entry
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_stretches();

-- Lists that are older than the triggers. These have locked the table until this is committed.
INSERT INTO waitlist_stretch (cohort_id, rank, number, places, seats, counted)
SELECT e.cohort_id, e.rank, stretch_of(e.place), count(*), sum(e.party_size),
       count(*) FILTER (WHERE e.is_counted)
  FROM waitlist_entry e
 WHERE e.state = 'waiting' AND NOT EXISTS (SELECT 1 FROM waitlist_stretch)
 GROUP BY e.cohort_id, e.rank, stretch_of(e.place);
