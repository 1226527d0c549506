-- A course's revision: another number after each change of anything its plan is read from, whoever
-- makes the change. Whoever keeps a plan knows by it whether the plan still holds (`shelf.py`).
--
-- Every table that `plans.py` reads is watched here. The numbers come from a sequence, so none comes
-- twice, not even when a stale row is saved over a newer one.
CREATE SEQUENCE IF NOT EXISTS catalog_revision;

CREATE OR REPLACE FUNCTION revise_course() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := nextval('catalog_revision');
    RETURN NEW;
END
$$;

-- For rows that belong to a course, named by the column given.
CREATE OR REPLACE FUNCTION revise_course_of_row() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog_course SET revision = 0
     WHERE id IN ((to_jsonb(OLD) ->> TG_ARGV[0])::uuid, (to_jsonb(NEW) ->> TG_ARGV[0])::uuid);
    RETURN NULL;
END
$$;

-- For courses whose plan names this one.
CREATE OR REPLACE FUNCTION revise_courses_requiring() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog_course SET revision = 0
     WHERE id IN (SELECT from_course_id FROM catalog_course_prerequisites
                   WHERE to_course_id = NEW.id);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER course_is_revised
    BEFORE INSERT OR UPDATE ON catalog_course
    FOR EACH ROW EXECUTE FUNCTION revise_course();
CREATE OR REPLACE TRIGGER course_is_revised_for_those_requiring_it
    AFTER UPDATE OF slug, title ON catalog_course
    FOR EACH ROW EXECUTE FUNCTION revise_courses_requiring();
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_cohort
    FOR EACH ROW EXECUTE FUNCTION revise_course_of_row('course_id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_courseprice
    FOR EACH ROW EXECUTE FUNCTION revise_course_of_row('course_id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_course_prerequisites
    FOR EACH ROW EXECUTE FUNCTION revise_course_of_row('from_course_id');
