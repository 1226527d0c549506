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

-- For a course that others name: their plans hold its slug and title, unless it is a draft.
CREATE OR REPLACE FUNCTION revise_courses_that_name_it() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM revise_courses(ARRAY(
        SELECT from_course_id FROM catalog_course_prerequisites WHERE to_course_id = NEW.id
         UNION
        SELECT from_course_id FROM catalog_course_corequisites WHERE to_course_id = NEW.id));
    RETURN NULL;
END
$$;

-- Any UPDATE makes the row's own trigger count on. In order, so that two changes that share courses
-- follow each other.
CREATE OR REPLACE FUNCTION revise_courses(p_courses uuid[]) RETURNS void
LANGUAGE sql AS $$
    UPDATE catalog_course c SET revision = 0
      FROM (SELECT id FROM catalog_course WHERE id = ANY (p_courses)
             ORDER BY id FOR NO KEY UPDATE) locked
     WHERE c.id = locked.id
$$;

-- For the rows of a statement, before and after it, which belong to courses. TG_ARGV[0] says how,
-- TG_ARGV[1] by which of their columns. Once a statement and not once a row: a thousand prices in one
-- INSERT would otherwise search and rewrite a thousand times.
CREATE OR REPLACE FUNCTION revise_courses_of_rows() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_keys text[];
BEGIN
    CASE TG_OP  -- of the two tables, only those of the event are there
    WHEN 'INSERT' THEN
        v_keys := ARRAY(SELECT DISTINCT to_jsonb(r) ->> TG_ARGV[1] FROM rows_after r);
    WHEN 'DELETE' THEN
        v_keys := ARRAY(SELECT DISTINCT to_jsonb(r) ->> TG_ARGV[1] FROM rows_before r);
    WHEN 'UPDATE' THEN
        v_keys := ARRAY(SELECT to_jsonb(r) ->> TG_ARGV[1] FROM rows_before r UNION
                        SELECT to_jsonb(r) ->> TG_ARGV[1] FROM rows_after r);
    END CASE;
    IF v_keys = '{}' THEN
        RETURN NULL;
    END IF;
    CASE TG_ARGV[0]
    WHEN 'are of the course' THEN
        PERFORM revise_courses(v_keys::uuid[]);
    WHEN 'are of the course of the cohort' THEN
        PERFORM revise_courses(ARRAY(SELECT DISTINCT course_id FROM catalog_cohort
                                      WHERE id = ANY (v_keys::uuid[])));
    WHEN 'are of the category' THEN
        PERFORM revise_courses(ARRAY(SELECT id FROM catalog_course WHERE category = ANY (v_keys)));
    WHEN 'are of a course that others name' THEN
        PERFORM revise_courses(ARRAY(
            SELECT from_course_id FROM catalog_course_prerequisites
             WHERE to_course_id = ANY (v_keys::uuid[])
             UNION
            SELECT from_course_id FROM catalog_course_corequisites
             WHERE to_course_id = ANY (v_keys::uuid[])));
    END CASE;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER course_is_revised
    BEFORE INSERT OR UPDATE ON catalog_course
    FOR EACH ROW EXECUTE FUNCTION revise_course();
CREATE OR REPLACE TRIGGER course_is_revised_where_named
    AFTER UPDATE OF slug, title, status ON catalog_course
    FOR EACH ROW EXECUTE FUNCTION revise_courses_that_name_it();

-- A trigger that sees the rows of its statement is of one event, so each table has three.
DO $$
DECLARE
    v_watched record;
BEGIN
    FOR v_watched IN
        SELECT * FROM (VALUES
            ('catalog_course_equivalents', 'are of a course that others name', 'from_course_id'),
            ('catalog_course_prerequisites', 'are of the course', 'from_course_id'),
            ('catalog_course_corequisites', 'are of the course', 'from_course_id'),
            ('catalog_course_learner_groups', 'are of the course', 'course_id'),
            ('catalog_courseprice', 'are of the course', 'course_id'),
            ('catalog_cohort', 'are of the course', 'course_id'),
            ('catalog_cohortmeeting', 'are of the course of the cohort', 'cohort_id'),
            ('catalog_categorylimit', 'are of the category', 'category')
        ) AS w(name, how, by_column)
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER course_is_revised AFTER INSERT ON %1$I'
            ' REFERENCING NEW TABLE AS rows_after'
            ' FOR EACH STATEMENT EXECUTE FUNCTION revise_courses_of_rows(%2$L, %3$L);'
            'CREATE OR REPLACE TRIGGER course_is_revised_by_change AFTER UPDATE ON %1$I'
            ' REFERENCING OLD TABLE AS rows_before NEW TABLE AS rows_after'
            ' FOR EACH STATEMENT EXECUTE FUNCTION revise_courses_of_rows(%2$L, %3$L);'
            'CREATE OR REPLACE TRIGGER course_is_revised_by_removal AFTER DELETE ON %1$I'
            ' REFERENCING OLD TABLE AS rows_before'
            ' FOR EACH STATEMENT EXECUTE FUNCTION revise_courses_of_rows(%2$L, %3$L)',
            v_watched.name, v_watched.how, v_watched.by_column);
    END LOOP;
END
$$;

DROP FUNCTION IF EXISTS revise_courses_of_row();
