-- An order's credit notes never credit more than its invoice bills. The order's row is locked first,
-- so that two notes written at the same time count each other; whoever issues papers holds it already.

CREATE OR REPLACE FUNCTION orders_refuse_excess_credit() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    invoiced bigint;
    credited bigint;
BEGIN
    PERFORM 1 FROM orders_order WHERE id = NEW.order_id FOR NO KEY UPDATE;
    SELECT coalesce(sum((content->>'total_minor')::bigint) FILTER (WHERE kind = 'invoice'), 0),
           coalesce(sum((content->>'total_minor')::bigint) FILTER (WHERE kind = 'credit_note'), 0)
      INTO invoiced, credited
      FROM orders_document WHERE order_id = NEW.order_id;
    IF credited + (NEW.content->>'total_minor')::bigint > invoiced THEN
        RAISE EXCEPTION 'credit notes of order % would exceed its invoice', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'credited_at_most_invoiced';
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER IF EXISTS credited_at_most_invoiced ON orders_document;
CREATE TRIGGER credited_at_most_invoiced
    BEFORE INSERT ON orders_document
    FOR EACH ROW WHEN (NEW.kind = 'credit_note')
    EXECUTE FUNCTION orders_refuse_excess_credit();
