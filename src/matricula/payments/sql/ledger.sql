-- The ledger only grows: a correction is another entry.

DROP TRIGGER IF EXISTS ledger_is_append_only ON payments_ledgerentry;
CREATE TRIGGER ledger_is_append_only
    BEFORE UPDATE OR DELETE ON payments_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER IF EXISTS ledger_is_never_emptied ON payments_ledgerentry;
CREATE TRIGGER ledger_is_never_emptied
    BEFORE TRUNCATE ON payments_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
