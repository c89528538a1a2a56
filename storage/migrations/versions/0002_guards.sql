-- Facts are added, never changed: the database refuses, whoever asks (architecture 5, D14).
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only; record a new fact that supersedes this one', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER movement_append_only BEFORE UPDATE OR DELETE ON movement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER movement_no_truncate BEFORE TRUNCATE ON movement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER timeline_entry_append_only BEFORE UPDATE OR DELETE ON timeline_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disclosure_append_only BEFORE UPDATE OR DELETE ON disclosure
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disclosure_no_truncate BEFORE TRUNCATE ON disclosure
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disclosure_outcome_append_only BEFORE UPDATE OR DELETE ON disclosure_outcome
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER census_line_append_only BEFORE UPDATE OR DELETE ON census_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER census_snapshot_append_only BEFORE UPDATE OR DELETE ON census_snapshot
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Audit is chained per episode (chain = episode id), so writers of different episodes never wait for
-- each other; the advisory lock orders writers of one chain until they commit.
CREATE FUNCTION chain_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.chain, 7));
    SELECT a.hash INTO NEW.prev_hash FROM audit_entry a WHERE a.chain = NEW.chain ORDER BY a.id DESC LIMIT 1;
    NEW.hash := sha256(convert_to(
        coalesce(encode(NEW.prev_hash, 'hex'), '') || '|' || NEW.chain || '|' ||
        to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '|' || NEW.actor || '|' || NEW.role
        || '|' || NEW.action || '|' || NEW.subject || '|' || NEW.purpose || '|' || NEW.detail::text, 'UTF8'));
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entry_chain BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION chain_audit();

-- Disclosures are one chain per person.
CREATE FUNCTION chain_disclosure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.person_id::text, 11));
    SELECT d.hash INTO NEW.prev_hash FROM disclosure d WHERE d.person_id = NEW.person_id ORDER BY d.seq DESC LIMIT 1;
    NEW.hash := sha256(convert_to(
        coalesce(encode(NEW.prev_hash, 'hex'), '') || '|' || NEW.id::text || '|' || NEW.person_id::text || '|' ||
        NEW.content || '|' || NEW.purpose || '|' || NEW.recipient || '|' || coalesce(NEW.consent_id::text, '') || '|' ||
        coalesce(NEW.exception, '') || '|' || NEW.fingerprint || '|' ||
        to_char(NEW.intent_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '|' || NEW.actor, 'UTF8'));
    RETURN NEW;
END $$;
CREATE TRIGGER disclosure_chain BEFORE INSERT ON disclosure FOR EACH ROW EXECUTE FUNCTION chain_disclosure();

-- New outbox rows wake the relay; it also looks by itself, so a lost notification only costs a moment.
CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('stepdown_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_wake AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();

-- The live feed: facility and id only.
CREATE FUNCTION tell_feed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('stepdown_feed', NEW.facility || ':' || NEW.id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER timeline_entry_feed AFTER INSERT ON timeline_entry FOR EACH ROW EXECUTE FUNCTION tell_feed();
