-- A trigger of the user's that changes the row that was just inserted: what
-- counts is the row as it leaves it, although its update is told first.
SET search_path = public, distributor;
CREATE TABLE rt_users (id int PRIMARY KEY, up int, state text DEFAULT 'active');
CREATE TABLE rt_orders (id int PRIMARY KEY, buyer int, amount int, status text);
INSERT INTO rt_users VALUES (1, NULL), (2, 1);
SELECT create_program('rt', 'EUR');
SELECT set_plan('rt', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["10%", "1%"]}]}');
SELECT attach_members('rt', 'rt_users', 'id', 'up', state => 'state');
SELECT attach_orders('rt', 'rt_orders', 'id', 'buyer', 'amount', status => 'status');
CREATE FUNCTION rt_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE rt_orders SET status = 'held' WHERE id = NEW.id AND amount > 1000;
	UPDATE rt_orders SET amount = 500 WHERE id = NEW.id AND amount = 501;
	RETURN NULL;
END $$;
CREATE TRIGGER hold AFTER INSERT ON rt_orders FOR EACH ROW EXECUTE FUNCTION rt_hold();
CREATE FUNCTION rt_probation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE rt_users SET state = 'frozen' WHERE id = NEW.id AND id % 2 = 1;
	UPDATE rt_users SET up = 1 WHERE id = NEW.id AND up IS NULL;
	RETURN NULL;
END $$;
CREATE TRIGGER probation AFTER INSERT ON rt_users FOR EACH ROW EXECUTE FUNCTION rt_probation();

-- 3 is frozen by the trigger, 4 gets a sponsor from it
INSERT INTO rt_users VALUES (3, 2), (4, NULL);
SELECT member_id, path, state FROM rt.member ORDER BY path;
-- held orders do not pay, others do as the trigger has left them
INSERT INTO rt_orders VALUES (1, 3, 2000, 'paid'), (2, 3, 501, 'paid'), (3, 3, 100, 'paid'), (4, 3, 100, 'open');
SELECT order_key, member_id, amount FROM rt.earnings ORDER BY order_key, level;
UPDATE rt_orders SET status = 'paid' WHERE id = 1;
SELECT order_key, amount FROM rt.sale ORDER BY order_key;
INSERT INTO rt_orders VALUES (5, 2, 10, 'paid') ON CONFLICT (id) DO UPDATE SET status = 'paid';
SELECT order_key, amount FROM rt.sale WHERE order_key = '5';

SET client_min_messages = warning;
SELECT drop_program('rt');
DROP TABLE rt_users, rt_orders;
DROP FUNCTION rt_hold(), rt_probation();
