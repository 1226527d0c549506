-- Whose messages have changed, for the number at their bell (`edges/live/bells.py`). Messages are
-- written a batch at a time by the worker, so this is a notice or two a batch.
CREATE OR REPLACE FUNCTION announce_readers() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM announce(array_agg(person_id)) FROM changed;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER readers_of_new_are_announced
    AFTER INSERT ON notifications_message REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION announce_readers();
CREATE OR REPLACE TRIGGER readers_of_read_are_announced
    AFTER UPDATE ON notifications_message REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION announce_readers();
