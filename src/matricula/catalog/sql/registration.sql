-- When registration for a cohort ends, from its dates and the time a site leaves after the start; NULL:
-- never. The same rule as `registration_ends_at` in `catalog/rules.py`; a test compares the two.
CREATE OR REPLACE FUNCTION registration_ends_at(
    p_closes_at timestamptz, p_starts_at timestamptz, p_ends_at timestamptz, p_after_start interval
) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    -- least() passes over NULL.
    SELECT coalesce(p_closes_at, least(p_starts_at + p_after_start, p_ends_at))
$$;
