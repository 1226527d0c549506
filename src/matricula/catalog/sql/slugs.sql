-- Whatever slug a course gets, it keeps for ever, also after it was given another: old links lead to it
-- (`queries.py`). The primary key keeps a second course from taking it, now or later.
CREATE OR REPLACE FUNCTION keep_course_slug() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- Waits for whoever is taking the same slug just now.
    INSERT INTO catalog_courseslug (slug, course_id) VALUES (NEW.slug, NEW.id)
        ON CONFLICT (slug) DO NOTHING;
    IF NOT EXISTS (SELECT FROM catalog_courseslug WHERE slug = NEW.slug AND course_id = NEW.id) THEN
        RAISE EXCEPTION 'the slug % is of another course', NEW.slug
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'course_slug_is_of_one_course';
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER course_slug_is_kept
    AFTER INSERT OR UPDATE OF slug ON catalog_course
    FOR EACH ROW EXECUTE FUNCTION keep_course_slug();

-- Slugs from before the trigger.
INSERT INTO catalog_courseslug (slug, course_id) SELECT slug, id FROM catalog_course
    ON CONFLICT (slug) DO NOTHING;
