-- A course's revision: another number after each change of anything its plan is read from, whoever
-- makes the change. Whoever keeps a plan knows by it whether the plan still holds (`shelf.py`).
--
-- Every table that `plans.py` reads is watched here (a test compares the two). The numbers come from
-- a sequence, so none comes twice, not even when a stale row is saved over a newer one.
CREATE SEQUENCE IF NOT EXISTS catalog_revision;

CREATE OR REPLACE FUNCTION revise_course() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := nextval('catalog_revision');
    RETURN NEW;
END
$$;

-- For a row that belongs to one or several courses, before and after the change. TG_ARGV[0] says
-- how it belongs to them, TG_ARGV[1] by which of its columns.
CREATE OR REPLACE FUNCTION revise_courses_of_row() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_keys text[] := ARRAY[to_jsonb(OLD) ->> TG_ARGV[1], to_jsonb(NEW) ->> TG_ARGV[1]];
BEGIN
    -- Any UPDATE makes the row's own trigger count on.
    CASE TG_ARGV[0]
    WHEN 'is of the course' THEN
        UPDATE catalog_course SET revision = 0 WHERE id = ANY (v_keys::uuid[]);
    WHEN 'is of the course of the cohort' THEN
        UPDATE catalog_course SET revision = 0
         WHERE id IN (SELECT course_id FROM catalog_cohort WHERE id = ANY (v_keys::uuid[]));
    WHEN 'is of the category' THEN
        UPDATE catalog_course SET revision = 0 WHERE category = ANY (v_keys);
    WHEN 'is of a course that others name' THEN
        UPDATE catalog_course SET revision = 0
         WHERE id IN (SELECT from_course_id FROM catalog_course_prerequisites
                       WHERE to_course_id = ANY (v_keys::uuid[])
                       UNION
                      SELECT from_course_id FROM catalog_course_corequisites
                       WHERE to_course_id = ANY (v_keys::uuid[]));
    END CASE;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER course_is_revised
    BEFORE INSERT OR UPDATE ON catalog_course
    FOR EACH ROW EXECUTE FUNCTION revise_course();
CREATE OR REPLACE TRIGGER course_is_revised_where_named
    AFTER UPDATE OF slug, title ON catalog_course
    FOR EACH ROW EXECUTE FUNCTION
    revise_courses_of_row('is of a course that others name', 'id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_course_equivalents
    FOR EACH ROW EXECUTE FUNCTION
    revise_courses_of_row('is of a course that others name', 'from_course_id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_course_prerequisites
    FOR EACH ROW EXECUTE FUNCTION revise_courses_of_row('is of the course', 'from_course_id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_course_corequisites
    FOR EACH ROW EXECUTE FUNCTION revise_courses_of_row('is of the course', 'from_course_id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_course_learner_groups
    FOR EACH ROW EXECUTE FUNCTION revise_courses_of_row('is of the course', 'course_id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_courseprice
    FOR EACH ROW EXECUTE FUNCTION revise_courses_of_row('is of the course', 'course_id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_cohort
    FOR EACH ROW EXECUTE FUNCTION revise_courses_of_row('is of the course', 'course_id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_cohortmeeting
    FOR EACH ROW EXECUTE FUNCTION
    revise_courses_of_row('is of the course of the cohort', 'cohort_id');
CREATE OR REPLACE TRIGGER course_is_revised
    AFTER INSERT OR UPDATE OR DELETE ON catalog_categorylimit
    FOR EACH ROW EXECUTE FUNCTION revise_courses_of_row('is of the category', 'category');
