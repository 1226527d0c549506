-- Whoever signs out, gets a new password, loses a token or is closed out is told to the live
-- processes at once, however that came about: they end what that person still has open
-- (`edges/live/standings.py`). A session is named by the first half of its key's SHA-256.
CREATE OR REPLACE FUNCTION announce_person() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM announce(ARRAY[OLD.id]);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION announce_token_family() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM announce(ARRAY[OLD.family]);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION announce_ended_sessions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM announce(array_agg(encode(substr(sha256(convert_to(session_key, 'UTF8')), 1, 16), 'hex')::uuid))
       FROM ended WHERE expire_date > now();  -- those past their time ended by themselves
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER person_is_announced
    AFTER UPDATE OF password, is_active ON accounts_person FOR EACH ROW
    WHEN (OLD.password <> NEW.password OR OLD.is_active <> NEW.is_active)
    EXECUTE FUNCTION announce_person();
CREATE OR REPLACE TRIGGER gone_person_is_announced
    AFTER DELETE ON accounts_person FOR EACH ROW
    EXECUTE FUNCTION announce_person();
CREATE OR REPLACE TRIGGER revocation_is_announced
    AFTER UPDATE OF revoked_at ON accounts_refreshtoken FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION announce_token_family();
CREATE OR REPLACE TRIGGER ended_sessions_are_announced
    AFTER DELETE ON django_session REFERENCING OLD TABLE AS ended FOR EACH STATEMENT
    EXECUTE FUNCTION announce_ended_sessions();
