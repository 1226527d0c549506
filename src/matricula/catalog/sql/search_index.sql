-- A course's search index is made by the application (`search.py`), of its texts and with a mark of
-- them. A statement that changes a text and not the index would leave a course that is found by what it
-- said before: then the index is emptied, and made anew within minutes (`jobs.py`).
CREATE OR REPLACE FUNCTION empty_search_index() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF split_part(NEW.search_source, ':', 2) IS DISTINCT FROM md5(
           NEW.title || E'\x1f' || NEW.summary || E'\x1f' || NEW.instructor_name || E'\x1f'
           || NEW.category || E'\x1f' || NEW.description) THEN
        NEW.search_index := NULL;
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER course_search_index_is_emptied
    BEFORE INSERT OR UPDATE OF title, summary, instructor_name, category, description, search_index
    ON catalog_course
    FOR EACH ROW EXECUTE FUNCTION empty_search_index();
