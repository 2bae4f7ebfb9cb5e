-- What several tests use, in schema helper: they run in one database, this one first.
CREATE SCHEMA helper;
GRANT USAGE ON SCHEMA helper TO PUBLIC;

-- failure() gives an error as lines; without a detail or a hint there is no line of it.
CREATE FUNCTION helper.failure(state text, message text, detail text, hint text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT line FROM unnest(ARRAY[state || ': ' || message, '  detail: ' || nullif(detail, ''), '  hint: ' || nullif(hint, '')])
		WITH ORDINALITY t (line, n) WHERE line IS NOT NULL ORDER BY n
$$;

-- complaint() runs a command and gives how it fails.
CREATE FUNCTION helper.complaint(command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN NEXT 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN QUERY SELECT helper.failure(SQLSTATE, message, detail, hint);
END $$;

-- outcome() runs a command and gives "ok", the rows of a SELECT as one line, or how it fails.
CREATE FUNCTION helper.outcome(command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	message text := 'ok';
	detail text;
	hint text;
BEGIN
	IF command ~* '^select' THEN
		EXECUTE 'SELECT coalesce(string_agg(r::text, '' ''), ''none'') FROM (' || command || ') r' INTO message;
	ELSE
		EXECUTE command;
	END IF;
	RETURN NEXT message;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN QUERY SELECT helper.failure(SQLSTATE, message, detail, hint);
END $$;
