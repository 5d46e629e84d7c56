-- The demo's shop, in which then everything happens: people join, move, leave
-- and come back, orders are paid, changed and refunded, totals are folded.
-- Beside it stands "plain": what happened, as tables of the plainest kind, from
-- which reports.sql works out every report.  Nothing in "plain" is read from the
-- program.
\set QUIET on
SET client_min_messages = warning;

-- Whoever leaves is deleted from users.
ALTER TABLE orders DROP CONSTRAINT orders_buyer_id_fkey;
ALTER TABLE users DROP CONSTRAINT users_inviter_id_fkey;
ALTER TABLE users ADD grade text, ADD status text NOT NULL DEFAULT 'active';
ALTER TABLE orders ADD channel text, ADD campaign integer;
DELETE FROM orders WHERE hashtext(id) % :one_in <> 0;
SELECT setseed(:seed) \g /dev/null
UPDATE users SET grade = CASE WHEN random() < 0.2 THEN 'gold' WHEN random() < 0.3 THEN 'silver' END,
	status = CASE WHEN random() < 0.05 THEN 'frozen' ELSE 'active' END;
-- Two orders of a buyer at one time: which of them was first, nobody can say.
UPDATE orders o SET channel = CASE WHEN random() < 0.9 THEN (ARRAY['app', 'web', 'shop'])[1 + floor(random() * 3)::int] END,
	campaign = CASE WHEN random() < 0.3 THEN floor(random() * 3) END,
	paid_at = o.paid_at + x.nth * interval '1 second'
FROM (SELECT id, row_number() OVER (PARTITION BY buyer_id, paid_at ORDER BY id) - 1 AS nth FROM orders) x WHERE x.id = o.id;

CREATE EXTENSION distributor;
SELECT distributor.create_program('shop', currency => 'GBP', time_zone => 'America/New_York') \g /dev/null
SELECT distributor.alter_program('shop', sale_change => 'repost') \g /dev/null
SELECT distributor.set_plan('shop', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "2%"]}]}') \g /dev/null
SELECT distributor.attach_members('shop', 'users', id => 'id', sponsor => 'inviter_id', joined_at => 'joined_at', rank => 'grade', state => 'status') \g /dev/null
SELECT distributor.keep_team_totals('shop', :'period') \g /dev/null
SELECT distributor.attach_orders('shop', 'orders', key => 'id', member => 'buyer_id', amount => 'amount', occurred_at => 'paid_at',
	status => 'status', paid => '{paid}', attributes => '{country,channel,campaign}') \g /dev/null

CREATE SCHEMA plain;
CREATE TABLE plain.person (id bigint PRIMARY KEY, sponsor bigint, joined_at timestamptz NOT NULL, rank text, state text NOT NULL);
CREATE INDEX ON plain.person (sponsor);
-- What a person has been, from "at" on.
CREATE TABLE plain.change (nr bigserial PRIMARY KEY, id bigint NOT NULL, at timestamptz NOT NULL, sponsor bigint, rank text, state text NOT NULL);
CREATE INDEX ON plain.change (id, nr);
-- An order as it is now, with the upline that it had, from the root to the buyer.
CREATE TABLE plain.sale (order_key text PRIMARY KEY, nr bigserial, buyer bigint NOT NULL, upline bigint[] NOT NULL, at timestamptz NOT NULL,
	amount numeric(12,2) NOT NULL, currency text NOT NULL, attributes jsonb NOT NULL);
CREATE TABLE plain.refund (refund_key text PRIMARY KEY, order_key text NOT NULL, at timestamptz NOT NULL, amount numeric(12,2) NOT NULL);
CREATE TABLE plain.moment (at timestamptz PRIMARY KEY);
CREATE TABLE plain.done (what text PRIMARY KEY, n bigint NOT NULL);

CREATE FUNCTION plain.upline(who bigint) RETURNS bigint[] LANGUAGE sql AS $$
	WITH RECURSIVE up AS (
		SELECT id, sponsor, ARRAY[id] AS ids FROM plain.person WHERE id = who
		UNION ALL
		SELECT p.id, p.sponsor, p.id || up.ids FROM up JOIN plain.person p ON p.id = up.sponsor)
	SELECT ids FROM up ORDER BY cardinality(ids) DESC LIMIT 1
$$;

INSERT INTO plain.person SELECT id, inviter_id, joined_at, grade, status FROM users;
INSERT INTO plain.change (id, at, sponsor, rank, state) SELECT id, joined_at, sponsor, rank, state FROM plain.person ORDER BY joined_at, id;
ANALYZE plain.person;
INSERT INTO plain.sale (order_key, buyer, upline, at, amount, currency, attributes)
SELECT id, buyer_id, plain.upline(buyer_id), paid_at, amount, 'GBP', jsonb_build_object('country', country, 'channel', channel, 'campaign', campaign) FROM orders;

-- One thing that happens, in "plain" as well.  What a step says did happen; null: nothing.
CREATE FUNCTION plain.step(nr int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	dice float8 := random();
	p plain.person;
	s plain.person;
	o plain.sale;
	rest numeric;
	t timestamptz;
BEGIN
	SELECT * INTO p FROM plain.person ORDER BY id OFFSET floor(random() * (SELECT count(*) FROM plain.person))::int LIMIT 1;
	SELECT * INTO s FROM plain.person ORDER BY id OFFSET floor(random() * (SELECT count(*) FROM plain.person))::int LIMIT 1;
	-- late entries, and such of today
	t := CASE WHEN random() < 0.7 THEN greatest(p.joined_at, s.joined_at) + random() * interval '200 days' ELSE now() - random() * interval '40 days' END;
	IF dice < 0.12 THEN
		IF random() < 0.05 THEN s.id := NULL; END IF;
		-- nobody joins before the sponsor, or tomorrow
		t := CASE WHEN random() < 0.3 THEN now() ELSE least(now(), greatest(t, s.joined_at)) END;
		INSERT INTO users VALUES (100000 + nr, s.id, t, p.rank, 'active') RETURNING id, inviter_id, joined_at, grade, status INTO p;
		INSERT INTO plain.person VALUES (p.*);
		INSERT INTO plain.change (id, at, sponsor, rank, state) VALUES (p.id, p.joined_at, p.sponsor, p.rank, p.state);
		RETURN 'join';
	ELSIF dice < 0.30 THEN
		-- back to where it came from, under somebody of the own upline, under anybody
		IF random() < 0.3 THEN
			SELECT c.id, c.sponsor INTO p.id, s.id FROM plain.change c JOIN plain.person x USING (id) WHERE c.sponsor <> x.sponsor ORDER BY random() LIMIT 1;
			IF NOT FOUND THEN RETURN NULL; END IF;
		ELSIF random() < 0.3 THEN
			s.id := (plain.upline(p.id))[1];
		ELSIF random() < 0.1 THEN
			s.id := NULL;
		END IF;
		IF NOT EXISTS (SELECT FROM users WHERE id = p.id) OR p.id = ANY (plain.upline(s.id)) OR s.id IS NOT DISTINCT FROM (SELECT sponsor FROM plain.person WHERE id = p.id) THEN RETURN NULL; END IF;
		UPDATE users SET inviter_id = s.id WHERE id = p.id;
		UPDATE plain.person SET sponsor = s.id WHERE id = p.id RETURNING * INTO p;
		INSERT INTO plain.change (id, at, sponsor, rank, state) VALUES (p.id, now(), p.sponsor, p.rank, p.state);
		RETURN 'move';
	ELSIF dice < 0.36 THEN
		IF random() < 0.3 THEN SELECT * INTO p FROM plain.person WHERE state = 'left' ORDER BY random() LIMIT 1; END IF;
		IF p.id IS NULL THEN RETURN NULL; END IF;
		IF p.state = 'left' THEN
			-- comes back, where it was or elsewhere
			IF p.id = ANY (plain.upline(s.id)) THEN RETURN NULL; END IF;
			p.sponsor := CASE WHEN random() < 0.5 THEN p.sponsor ELSE s.id END;
			p.state := 'active';
			INSERT INTO users VALUES (p.id, p.sponsor, p.joined_at, p.rank, 'active');
			UPDATE plain.person SET sponsor = p.sponsor, state = p.state WHERE id = p.id;
			INSERT INTO plain.change (id, at, sponsor, rank, state) VALUES (p.id, now(), p.sponsor, p.rank, p.state);
			RETURN 'come back';
		END IF;
		DELETE FROM users WHERE id = p.id;
		UPDATE plain.person SET state = 'left' WHERE id = p.id RETURNING * INTO p;
		INSERT INTO plain.change (id, at, sponsor, rank, state) VALUES (p.id, now(), p.sponsor, p.rank, p.state);
		RETURN 'leave';
	ELSIF dice < 0.42 THEN
		IF NOT EXISTS (SELECT FROM users WHERE id = p.id) THEN RETURN NULL; END IF;
		p.rank := (ARRAY['gold', 'silver', NULL])[1 + floor(random() * 3)::int];
		p.state := (ARRAY['active', 'active', 'frozen'])[1 + floor(random() * 3)::int];
		UPDATE users SET grade = p.rank, status = p.state WHERE id = p.id;
		UPDATE plain.person SET rank = p.rank, state = p.state WHERE id = p.id;
		INSERT INTO plain.change (id, at, sponsor, rank, state) VALUES (p.id, now(), p.sponsor, p.rank, p.state);
		RETURN 'rank or state';
	ELSIF dice < 0.62 THEN
		-- few prices, so that some tie
		o.amount := 10 * floor(random() * 5);
		o.attributes := jsonb_build_object('country', (ARRAY['Norway', 'Öland', 'EIRE', NULL])[1 + floor(random() * 4)::int], 'channel', (ARRAY['app', 'web', NULL])[1 + floor(random() * 3)::int], 'campaign', floor(random() * 3));
		IF random() < 0.8 THEN
			o.currency := 'GBP';
			INSERT INTO orders (id, buyer_id, amount, status, country, channel, campaign, paid_at)
			VALUES ('new' || nr, p.id, o.amount, 'paid', o.attributes ->> 'country', o.attributes ->> 'channel', (o.attributes ->> 'campaign')::int, t);
		ELSE
			o.currency := 'EUR';
			PERFORM distributor.record_sale('shop', 'new' || nr, p.id, o.amount, 'EUR', t, jsonb_strip_nulls(o.attributes));
		END IF;
		INSERT INTO plain.sale (order_key, buyer, upline, at, amount, currency, attributes) VALUES ('new' || nr, p.id, plain.upline(p.id), t, o.amount, o.currency, o.attributes);
		RETURN 'order';
	END IF;
	-- an order: of the ones that were made here, or of all
	SELECT * INTO o FROM plain.sale x WHERE random() < 0.5 OR x.order_key LIKE 'new%' ORDER BY x.order_key LIKE 'new%' AND random() < 0.3 DESC, random() LIMIT 1;
	rest := o.amount - coalesce((SELECT sum(r.amount) FROM plain.refund r WHERE r.order_key = o.order_key), 0);
	IF dice < 0.72 THEN
		IF rest = 0 THEN RETURN NULL; END IF;
		rest := CASE WHEN random() < 0.5 THEN rest ELSE greatest(0.01, round(rest * random()::numeric, 2)) END;
		t := CASE WHEN random() < 0.5 THEN now() ELSE o.at + random() * interval '60 days' END;
		PERFORM distributor.record_refund('shop', o.order_key, 'R' || nr, rest, occurred_at => t);
		INSERT INTO plain.refund VALUES ('R' || nr, o.order_key, t, rest);
		RETURN 'refund';
	ELSIF dice < 0.80 THEN
		UPDATE orders SET status = 'refunded' WHERE id = o.order_key AND status = 'paid';
		IF NOT FOUND OR rest = 0 THEN RETURN NULL; END IF;
		INSERT INTO plain.refund VALUES ('status' || nr, o.order_key, now(), rest);
		RETURN 'refund by status';
	ELSIF dice < 0.90 THEN
		IF EXISTS (SELECT FROM plain.refund r WHERE r.order_key = o.order_key) THEN RETURN NULL; END IF;
		o.buyer := CASE WHEN random() < 0.5 THEN o.buyer ELSE p.id END;
		o.at := CASE WHEN random() < 0.5 THEN o.at ELSE t END;
		o.amount := CASE WHEN random() < 0.7 THEN 10 * floor(random() * 5) ELSE o.amount END;
		UPDATE orders SET buyer_id = o.buyer, amount = o.amount, paid_at = o.at WHERE id = o.order_key AND status = 'paid' AND (buyer_id, amount, paid_at) IS DISTINCT FROM (o.buyer, o.amount, o.at);
		IF NOT FOUND THEN RETURN NULL; END IF;
		UPDATE plain.sale x SET buyer = o.buyer, upline = plain.upline(o.buyer), at = o.at, amount = o.amount WHERE x.order_key = o.order_key;
		RETURN 'change of an order';
	ELSIF dice < 0.98 THEN
		PERFORM distributor.fold_team('shop', 1 + floor(random() * random() * 5000)::int);
		RETURN 'fold';
	END IF;
	-- what nobody ever hears of
	BEGIN
		INSERT INTO orders (id, buyer_id, amount, status, paid_at) VALUES ('never', p.id, 77, 'paid', t);
		UPDATE users SET inviter_id = NULL WHERE id = p.id;
		PERFORM distributor.fold_team('shop', 100);
		RAISE 'taken back';
	EXCEPTION WHEN raise_exception THEN
		RETURN 'roll back';
	END;
END $$;

-- Each step is a transaction; between some of them, a moment to look back at.
CREATE PROCEDURE plain.play(steps int, moments int) LANGUAGE plpgsql AS $$
DECLARE
	did text;
BEGIN
	FOR nr IN 1..steps LOOP
		did := plain.step(nr);
		IF did IS NOT NULL THEN
			INSERT INTO plain.done VALUES (did, 1) ON CONFLICT (what) DO UPDATE SET n = done.n + 1;
		END IF;
		COMMIT;
		IF nr % (steps / moments) = 0 THEN
			INSERT INTO plain.moment VALUES (clock_timestamp());
			COMMIT;
		END IF;
	END LOOP;
END $$;
SET plan_cache_mode = force_custom_plan;
SELECT setseed(:seed) \g /dev/null
CALL plain.play(:steps, :moments);
ANALYZE;
