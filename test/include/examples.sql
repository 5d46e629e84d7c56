-- For tests of published examples: what a source states beside what is paid.
-- A plan has the name of its example; a chain is written from the root to the
-- member of the sale, "name/rank", with "!" behind who is frozen and "~" behind
-- who has left.  What is paid to anybody that the source does not mention
-- differs, unless the statement has the key "...".
CREATE TABLE plans (name text PRIMARY KEY, plan jsonb NOT NULL);
CREATE TABLE results (example text, sale int, member text, stated numeric, paid numeric);

CREATE FUNCTION people(chain text, OUT names text[], OUT ranks text[], OUT states text[])
LANGUAGE sql AS $$
	SELECT array_agg(m[1] ORDER BY i), array_agg(m[2] ORDER BY i DESC),
		array_agg(CASE m[3] WHEN '!' THEN 'frozen' WHEN '~' THEN 'left' END ORDER BY i DESC)
	FROM unnest(string_to_array(chain, ' > ')) WITH ORDINALITY u (member, i),
		regexp_match(u.member, '^([^/!~]+)(?:/([^!~]+))?([!~])?$') m
$$;

CREATE FUNCTION numbered(names text[]) RETURNS distributor.refpath
LANGUAGE sql AS $$ SELECT array_agg(i)::bigint[]::distributor.refpath FROM generate_series(1, cardinality(names)) i $$;

CREATE PROCEDURE sale(example text, chain text, amount numeric, stated jsonb, currency text DEFAULT NULL, facts jsonb DEFAULT NULL)
LANGUAGE sql AS $$
	WITH p AS (SELECT * FROM people(chain)),
	paid AS (
		SELECT coalesce(p.names[c.member_id::int], 'member ' || c.member_id) AS member, sum(c.amount) AS paid
		FROM p, plans, distributor.commissions(plans.plan, numbered(p.names), sale.amount, sale.currency, p.states, p.ranks, facts) c
		WHERE plans.name = example
		GROUP BY 1),
	said AS (SELECT key AS member, value::numeric AS stated FROM jsonb_each_text(stated - '...'))
	INSERT INTO results
	SELECT example, (SELECT coalesce(max(r.sale), 0) + 1 FROM results r WHERE r.example = sale.example), member, said.stated, paid.paid
	FROM said FULL JOIN paid USING (member)
	WHERE said.member IS NOT NULL OR NOT sale.stated ? '...'
$$;

-- nothing said and nothing paid would be no example at all
CREATE VIEW verdicts AS
	SELECT *, CASE WHEN stated = coalesce(paid, 0) THEN 'agrees' ELSE 'DIFFERS' END AS verdict FROM results;

-- the share of each rule of what is not paid, for reading a difference
CREATE FUNCTION told(example text, chain text, amount numeric, currency text DEFAULT NULL, facts jsonb DEFAULT NULL)
RETURNS TABLE (rule text, level int, member text, base numeric, rate numeric, exact numeric, amount numeric, reason text, limited_by text)
LANGUAGE sql AS $$
	SELECT e.rule, e.level, coalesce(p.names[e.member_id::int], 'member ' || e.member_id), e.base, e.rate, e.exact, e.amount, e.reason, e.limited_by
	FROM people(chain) p, plans, distributor.explain_commissions(plans.plan, numbered(p.names), told.amount, told.currency, p.states, p.ranks, facts) e
	WHERE plans.name = example
$$;
