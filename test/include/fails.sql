-- What a statement raises: SQLSTATE and message, detail, hint, and the table
-- and constraint where it names one.  Times of now are left out.
CREATE OR REPLACE FUNCTION public.fails(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
	tab text;
	name text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
		tab = TABLE_NAME, name = CONSTRAINT_NAME;
	RETURN regexp_replace(
		concat_ws(E'\n', SQLSTATE || ': ' || left(message, 200), 'D: ' || nullif(left(detail, 1000), ''),
				  'H: ' || nullif(hint, ''), 'C: ' || nullif(concat_ws(' ', nullif(tab, ''), nullif(name, '')), '')),
		'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00', 'TIME', 'g');
END
$$;
