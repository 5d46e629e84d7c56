"""Random operations on a program, beside a naive model of what it should hold.

	DISTRIBUTOR_SEED	of everything random; printed
	DISTRIBUTOR_STEPS	how many operations in all; 2000
	DISTRIBUTOR_REPLAY	a file with a sequence, as a failed run prints it

Each run of up to RUN operations has a program of its own, with tables and
settings of its own.  After every operation the server must have answered as the
model does, hold the same members, sales, refunds and ledger, and give the same
balances.  A sequence that fails is shortened before it is printed.

Connects by PGHOST, PGPORT, PGUSER and PGDATABASE to a server in which the
extension is installed; makes and drops the schemas model and model_shop there.
"""

import json
import os
import random
import sys
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import psycopg2

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle")]

import operations
from model import Program, Refused

RUN = 300								# operations on one program
LONG = 10000							# from so many on, audit is asked after every 20th alone
SHRINK_FOR = 120						# seconds
QUIET = timedelta(milliseconds=200)		# in which nothing becomes available by itself


# ----------------------------------------------------------------- one program

def random_config(dice):
	text = dice.random() < 0.4
	currency = dice.choice(["USD", "USD", "JPY", "KWD"])
	return {
		"currency": currency, "scales": {"USD": 2, "POINTS": 0, "KWD": 3, "JPY": 0, currency: {"USD": 2, "JPY": 0, "KWD": 3}[currency]}
		if dice.random() < 0.3 else {currency: {"USD": 2, "JPY": 0, "KWD": 3}[currency], "POINTS": 0},
		"time_zone": dice.choice(["UTC", "Asia/Shanghai", "America/New_York"]),
		"key_type": "text" if text else "bigint", "member_key": "m{}" if text else "{}",
		"members": dice.choice(["table", "call"]), "lines": dice.random() < 0.4}


SHOP = """
DROP SCHEMA IF EXISTS model_shop CASCADE;
CREATE SCHEMA model_shop;
SET search_path = model_shop;
CREATE TABLE users (id {key} PRIMARY KEY, inviter {key}, grade text, status text NOT NULL);
CREATE TABLE orders (id text PRIMARY KEY, buyer {key}, amount numeric NOT NULL, currency text, status text NOT NULL,
	paid_at timestamptz NOT NULL, region text, refunded numeric, fulfilled_at timestamptz);
CREATE TABLE order_lines (order_id text, no text, product text, amount numeric, PRIMARY KEY (order_id, no));
CREATE TABLE refunds (no text PRIMARY KEY, order_id text, amount numeric, line text);
"""

ROWS = {
	"ledger": """
		SELECT l.entry_id, l.source, coalesce(s.order_key || '#' || s.revision, r.refund_key, a.adjustment_key, p.payout_key),
			   l.member_id, l.rule, l.level, l.line, l.basis, l.amount, l.currency, l.posted_at, l.available_at, l.reverses,
			   a.kind
		  FROM model.ledger l
		  LEFT JOIN model.sale s ON l.source = 'sale' AND s.sale_id = l.source_id
		  LEFT JOIN model.refund r ON l.source = 'refund' AND r.refund_id = l.source_id
		  LEFT JOIN model.adjustment a ON l.source = 'adjustment' AND a.adjustment_id = l.source_id
		  LEFT JOIN model.payout p ON l.source IN ('payout', 'payout_failure') AND p.payout_id = l.source_id
		 WHERE l.entry_id > %s ORDER BY l.entry_id""",
	"members": """
		SELECT m.member_id, coalesce(m.member_key, m.member_id::text), m.sponsor_id, m.state, m.rank,
			   distributor.member_ids(m.path) FROM model.member m""",
	"sales": """
		SELECT order_key, revision, member_id, amount, currency, occurred_at, plan_version FROM model.sale""",
	"refunds": "SELECT r.refund_key, p.sale_id IS NOT NULL, p.amount FROM model.refund r LEFT JOIN model.refund_posting p USING (refund_id)",
	"refund lines": "SELECT r.refund_key, l.line, l.amount FROM model.refund_line l JOIN model.refund r USING (refund_id)",
}


class Difference(Exception):
	"""Server and model are not the same."""

	def __init__(self, kind, detail):
		super().__init__(kind)
		self.kind, self.detail = kind, detail


class Overtaken(Exception):
	"""Something became available while an operation ran: nobody can tell what is right."""


class Server:
	"""The program on the server, and what has been seen of it."""

	def __init__(self, config):
		self.config = config
		self.late = None
		self.connection = self.connect()
		self.cursor = self.connection.cursor()

	def connect(self):
		connection = psycopg2.connect("")
		cursor = connection.cursor()
		cursor.execute("SET search_path = model_shop; SET client_min_messages = error; SET TimeZone = 'UTC'")
		connection.commit()
		return connection

	def column(self, query, *arguments):
		self.cursor.execute(query, arguments)
		return [row[0] for row in self.cursor.fetchall()]

	def rows(self, query, *arguments):
		self.cursor.execute(query, arguments)
		return self.cursor.fetchall()

	def make(self):
		config = self.config
		self.connection.commit()
		if self.column("SELECT 1 FROM pg_namespace WHERE nspname = 'model'"):
			self.column("SELECT distributor.drop_program('model')")
		self.cursor.execute(SHOP.format(key=config["key_type"]))
		self.cursor.execute("SELECT distributor.create_program('model', currency => %s, time_zone => %s, key_type => %s)",
							(config["currency"], config["time_zone"], config["key_type"]))
		if config["members"] == "table":
			self.cursor.execute("""SELECT distributor.attach_members('model', 'users', id => 'id', sponsor => 'inviter',
				rank => 'grade', state => 'status')""")
		self.cursor.execute("""SELECT distributor.attach_orders('model', 'orders', key => 'id', member => 'buyer',
			amount => 'amount', occurred_at => 'paid_at', status => 'status', paid => '{paid,shipped,done}',
			currency => 'currency', attributes => '{region}', refunded_amount => 'refunded',
			fulfilled => '{done}', fulfilled_at => 'fulfilled_at')""")
		if config["lines"]:
			self.cursor.execute("""SELECT distributor.attach_order_lines('model', 'order_lines', order_key => 'order_id',
				line_key => 'no', product => 'product', amount => 'amount')""")
		self.cursor.execute("""SELECT distributor.attach_refunds('model', 'refunds', key => 'no', order_key => 'order_id',
			amount => 'amount', line_key => 'line')""")
		self.connection.commit()
		self.cursor.execute("LISTEN model")
		self.last_entry = 0
		self.began = self.column("SELECT now()")[0]
		self.connection.commit()

	def close(self):
		for connection in (self.connection, self.late):
			if connection is not None:
				connection.close()

	def do(self, cursor):
		def run(statement, *arguments):
			cursor.execute(statement.replace("{key}", self.config["key_type"]), arguments)
		return run


class Run:
	"""A sequence of operations on a program and its model."""

	def __init__(self, config, audit_every=1, counts=None):
		self.server = Server(config)
		self.server.make()
		self.model = Program(config)
		self.model.began = self.server.began
		self.model.moments.append(self.server.began)
		self.model.some_operation = self.some_operation
		self.audit_every = audit_every
		self.counts = Counter() if counts is None else counts
		self.done = []
		self.notices = False
		self.kinds = list(operations.CHANCES)

	def close(self):
		self.server.close()

	def some_operation(self, dice):
		kind = dice.random.choices(self.kinds, [operations.CHANCES[k] for k in self.kinds])[0]
		return kind.random(dice)

	def random_steps(self, dice, steps):
		with_chance = operations.Dice(dice, self.model)
		self.step(operations.Plan(document=operations.random_plan(with_chance), at=None))
		for kind in (operations.Alter, operations.Alter, operations.Terms):
			if with_chance.chance(0.7):
				self.step(kind.random(with_chance))
		for _ in range(8):
			self.step(operations.Join.random(with_chance))
		while len(self.done) < steps:
			operation = self.some_operation(with_chance)
			if operation is not None:
				self.step(operation)

	def step(self, operation):
		start = self.wait_until_quiet()
		try:
			self.try_step(operation)
		except Difference:
			if any(time < self.clock() for time in self.model.coming(start)):
				raise Overtaken from None
			raise

	def clock(self):
		self.server.connection.rollback()
		[clock] = self.server.column("SELECT clock_timestamp()")
		self.server.connection.rollback()
		return clock

	def wait_until_quiet(self):
		while True:
			now = self.clock()
			soon = [time for time in self.model.coming(now) if time < now + QUIET]
			if not soon:
				return now
			time.sleep((max(soon) - now).total_seconds() + 0.001)

	def try_step(self, operation):
		self.done.append(operation.written())
		if isinstance(operation, operations.Late):
			expected, found, now = self.late(operation)
		elif isinstance(operation, operations.Transaction):
			expected, found, now = self.transaction(operation)
		elif operation.alone:
			expected, found, now = self.single(operation)
		else:
			expected, found, now = self.both(operation, self.server.cursor, None)
			self.server.connection.commit()
		self.model.journal.clear()
		self.agree(operation, expected, found)
		self.model.moments.append(now)
		self.compare()

	# What the model answers and what the server answers: None, or SQLSTATEs.

	def both(self, operation, cursor, now):
		do = self.server.do(cursor)
		do("SELECT now(), clock_timestamp()")
		began, self.model.clock = cursor.fetchone()
		now = now or began
		do("SAVEPOINT s")
		try:
			operation.server(do, self.model, now)
			found = None
			do("RELEASE s")
		except psycopg2.Error as error:
			found = (error.pgcode, str(error).strip())
			if error.pgcode is None:
				raise Difference("the server is lost", str(error)) from None
			do("ROLLBACK TO s")
			do("RELEASE s")
		expected = None
		try:
			with self.model.all_or_nothing():
				operation.model(self.model, now)
		except Refused as refused:
			expected = refused.sqlstates
		self.counts[type(operation).__name__, found and found[0]] += 1
		return expected, found, now

	def agree(self, operation, expected, found):
		if (expected is None) != (found is None) or (expected and found[0] not in expected):
			raise Difference(f"answer to {type(operation).__name__}: {sorted(expected) if expected else 'done'}, "
							 f"not {found[0] if found else 'done'}",
							 f"{operation.written()}\nmodel:  {expected or 'done'}\nserver: {found or 'done'}")

	def transaction(self, operation):
		mark = self.model.mark()
		now = None
		for step in map(operations.read, operation.steps):
			expected, found, now = self.both(step, self.server.cursor, now)
			self.agree(step, expected, found)
		if isinstance(operation, operations.Aborted):
			self.server.connection.rollback()
			self.model.take_back(mark)
		else:
			self.server.connection.commit()
		return None, None, now or self.model.moments[-1]

	def late(self, operation):
		"""In the transaction that another session began before; then begin another."""
		server = self.server
		now = self.model.moments[-1]
		if server.late is None:
			server.late = server.connect()
		else:
			cursor = server.late.cursor()
			cursor.execute("SELECT now()")
			earlier = cursor.fetchone()[0]
			for step in map(operations.read, operation.steps):
				if isinstance(step, operations.IN_LATE):
					expected, found, _ = self.both(step, cursor, earlier)
					self.agree(step, expected, found)
			server.late.commit()
		server.late.cursor().execute("SELECT now()")
		return None, None, now

	def single(self, operation):
		server = self.server
		server.connection.commit()
		server.connection.autocommit = True
		try:
			now = self.model.clock = server.column("SELECT now()")[0]
			found = None
			try:
				operation.server(server.do(server.cursor), self.model, now)
			except psycopg2.Error as error:
				found = (error.pgcode, str(error).strip())
		finally:
			server.connection.autocommit = False
		self.counts[type(operation).__name__, found and found[0]] += 1
		operation.model(self.model, now)
		return None, found, now

	# Are they the same?

	def compare(self):
		self.compare_members()
		changes = self.compare_ledger()
		self.compare_notices(changes)
		self.compare_doors()
		self.compare_view()
		self.compare_payouts()
		self.compare_balances(None)
		nth = len(self.done)
		if nth % 5 == 0:
			self.compare_balances(self.model.moment(nth * 7 % (nth + 1)))
			self.compare_statement(nth)
		if nth % self.audit_every == 0:
			self.audit()
		self.server.connection.commit()

	def same(self, what, expected, found):
		if expected != found:
			raise Difference(what, difference(expected, found))

	def compare_members(self):
		found = {}
		names = {}
		for member_id, key, *_ in (rows := self.server.rows(ROWS["members"])):
			names[member_id] = int(key.lstrip("m"))
		for member_id, key, sponsor, state, rank, path in rows:
			found[names[member_id]] = (names.get(sponsor), state, rank, [names[each] for each in path])
		expected = {member: (each.sponsor, each.state, each.rank, self.model.path(member))
					for member, each in self.model.members.items()}
		self.names = names
		self.model.numbers.update((member, number) for number, member in names.items())
		self.same("members", expected, found)

	def compare_ledger(self):
		server = self.server
		rows = server.rows(ROWS["ledger"], server.last_entry)
		new = [row for row in self.model.ledger if row.entry_id is None]
		by_content = {}
		for row in new:
			event = row.event if row.rule != "write_off" else None
			by_content.setdefault((row.source, event, row.member, row.rule, row.level, row.line, row.basis,
								   row.amount, row.currency, row.posted_at), []).append(row)
		expected = Counter({content: len(each) for content, each in by_content.items()})
		found = Counter()
		for (entry_id, source, event, member_id, rule, level, line, basis, amount, currency, posted_at,
			 available_at, reverses, kind) in rows:
			content = (source, event if kind != "write_off" else None, self.names.get(member_id), rule, level, line,
					   basis, Fraction(amount), currency, posted_at)
			found[content] += 1
			if by_content.get(content):
				row = by_content[content].pop(0)
				row.entry_id = entry_id
				if source == "sale" and row.available_at != available_at:
					raise Difference("available_at", f"{content}: {row.available_at}, not {available_at}")
				if (reverses is not None) != (row.reverses is not None) or (
						reverses is not None and reverses != row.reverses.entry_id):
					raise Difference("reverses", f"{content}")
			server.last_entry = entry_id
		self.same("ledger", expected, found)
		changes = {}
		for row in new:
			key = (row.member, row.currency)
			changes[key] = changes.get(key, 0) + row.amount
		return changes

	def compare_notices(self, changes):
		"""One for each member and currency, if they were on all the time."""
		server, on = self.server, self.model.settings["notices"]
		server.connection.poll()
		told = {}
		for notice in server.connection.notifies:
			payload = json.loads(notice.payload, parse_float=Decimal)
			key = (int(str(payload["member"]).lstrip("m")), payload["currency"])
			if key in told:
				raise Difference("notices", f"two of {show(key)}")
			told[key] = Fraction(payload["change"])
		server.connection.notifies.clear()
		if on == self.notices:
			self.same("notices", {k: v for k, v in changes.items() if v and on}, {k: v for k, v in told.items() if v})
		self.notices = on

	def compare_doors(self):
		server = self.server
		sales = server.rows(ROWS["sales"])
		found = {(key, revision): (self.names.get(member), Fraction(amount), currency, occurred_at, version)
				 for key, revision, member, amount, currency, occurred_at, version in sales}
		expected = {(sale.key, sale.revision): (sale.member, sale.amount, sale.currency, sale.occurred_at, sale.plan_version)
					for every in self.model.sales.values() for sale in every}
		self.same("sales", expected, found)
		found = {key: (met, None if amount is None else Fraction(amount))
				 for key, met, amount in server.rows(ROWS["refunds"])}
		expected = {refund.key: (refund.sale is not None, refund.taken) for refund in self.model.refunds.values()}
		self.same("refunds", expected, found)
		found = {(key, line): Fraction(amount) for key, line, amount in server.rows(ROWS["refund lines"])}
		expected = {(refund.key, line): amount for refund in self.model.refunds.values()
					for line, amount in refund.lines.items()}
		self.same("lines of refunds", expected, found)

	def compare_view(self):
		"""Of what is zero throughout, there may be a row or none."""
		rows = self.server.rows("SELECT statement_timestamp(), member_id, currency, balance, pending, available FROM model.balance")
		found = {(self.names[member], currency): tuple(map(Fraction, sums))
				 for _, member, currency, *sums in rows if any(sums)}
		as_of = rows[0][0] if rows else self.model.clock
		expected = {key: (pending + available, pending, available)
					for key, (pending, available, _) in self.model.balances(as_of).items() if pending or available}
		self.same("view balance", expected, found)

	def compare_balances(self, as_of):
		rows = self.server.rows("""SELECT statement_timestamp(), m.member_id, b.currency, b.pending, b.available, b.paid_out, b.balance
			FROM model.member m CROSS JOIN LATERAL distributor.balance('model', m.member_id, %s) b""", as_of)
		found = {(self.names[member], currency): tuple(map(Fraction, sums)) for _, member, currency, *sums in rows if any(sums)}
		as_of_time = as_of or (rows[0][0] if rows else self.model.clock)
		expected = {key: (*sums, sums[0] + sums[1]) for key, sums in self.model.balances(as_of_time).items() if any(sums)}
		self.same("balance" if as_of is None else "balance as of", expected, found)

	def compare_payouts(self):
		found = {key: (Fraction(amount), Fraction(net), state, batch) for key, amount, net, state, batch in self.server.rows(
			"""SELECT p.payout_key, p.amount, p.net, p.state, b.batch_key
				 FROM model.payout_state p LEFT JOIN model.payout_batch b USING (payout_batch_id)""")}
		expected = {each.key: (each.amount, each.amount - each.fee - each.tax, each.state, each.batch)
					for each in self.model.payouts.values()}
		self.same("payouts", expected, found)

	def compare_statement(self, nth):
		"""Two that follow each other, of one of the members."""
		model = self.model
		keys = sorted({(row.member, row.currency) for row in model.ledger})
		if not keys:
			return
		member, currency = keys[nth % len(keys)]
		times = sorted(model.moment(nth * factor % (nth + 1)) for factor in (3, 7, 11))
		closing = None
		for start, end in zip(times, times[1:]):
			rows = self.server.rows("""SELECT kind, at, amount, balance, rule, level, entry_id
				FROM distributor.statement('model', %s::text, %s, %s, %s)""".replace("::text", f"::{self.server.config['key_type']}"),
				operations.key(model, member), start, end, currency)
			opening, movements, last = model.statement(member, start, end, currency)
			if opening or movements:
				self.check_statement(rows, opening, movements, last, f"{member} {currency} from {start} to {end}")
				if closing is not None and Fraction(rows[0][3]) != closing:
					raise Difference("statements do not chain", str(rows))
				closing = Fraction(rows[-1][3])

	def check_statement(self, rows, opening, movements, last, what):
		if not rows or rows[0][0] != "opening" or rows[-1][0] != "closing":
			raise Difference("statement without opening and closing", f"{what}: {rows}")
		expected = {row.entry_id: (row.source, time, row.amount, row.rule) for row, time in movements}
		found = {row[6]: (row[0], row[1], Fraction(row[2]), row[4]) for row in rows[1:-1]}
		self.same("statement", expected, found)
		running = Fraction(rows[0][3])
		for row in rows[1:-1]:
			running += Fraction(row[2])
			if running != Fraction(row[3]):
				raise Difference("statement does not add up", f"{what}: {rows}")
		if (Fraction(rows[0][3]), Fraction(rows[-1][3])) != (opening, last):
			raise Difference("opening or closing balance", f"{what}: {show(opening)} to {show(last)}, not\n" + "\n".join(map(str, rows)))

	def check_at_the_end(self):
		"""What is asked less often on the way."""
		self.audit()
		for back in (0, 3, 10, 30, 100):
			self.compare_balances(self.model.moment(back))
		for nth in range(20):
			self.compare_statement(nth)
		self.server.connection.commit()

	def audit(self):
		found = self.server.rows("SELECT * FROM distributor.audit('model')")
		if found:
			raise Difference("audit", "\n".join(map(str, found[:20])))


def difference(expected, found):
	"""What only one of them has."""
	lines = []
	for name, ours, theirs in (("model ", expected, found), ("server", found, expected)):
		for each in ours:
			if each not in theirs or ours[each] != theirs[each]:
				lines.append(f"{name}: {show(each)}: {show(ours[each])}")
	return "\n".join(lines[:40])


def show(value):
	if isinstance(value, Fraction):
		return str(Decimal(value.numerator) / Decimal(value.denominator))
	if isinstance(value, (tuple, list)):
		return "(" + ", ".join(map(show, value)) + ")"
	return str(value)


# ------------------------------------------------------------------- shrinking

def failure(config, steps):
	"""How a sequence fails; None: it does not."""
	run = Run(config)
	try:
		for written in steps:
			run.step(operations.read(written))
		run.check_at_the_end()
	except Overtaken:
		return None
	except Difference as found:
		return found, len(run.done)
	except psycopg2.Error as error:
		return Difference("error outside of an operation", str(error)), len(run.done)
	finally:
		run.close()
	return None


def shrink(config, steps, kind):
	"""A shorter sequence that fails in the same way."""
	until = time.monotonic() + SHRINK_FOR
	size = len(steps) // 2
	while size >= 1:
		start = 0
		while start < len(steps) and time.monotonic() < until:
			shorter = steps[:start] + steps[start + size:]
			found = failure(config, shorter)
			if found and found[0].kind == kind:
				steps = shorter[:found[1]]
			else:
				start += size
		size //= 2
	return steps


# ------------------------------------------------------------------------ main

def report(config, steps, found, seed):
	print(f"--- {found.kind} (seed {seed}), after {len(steps)} operations")
	print(found.detail, flush=True)
	shorter = shrink(config, steps, found.kind)
	again = failure(config, shorter)
	print(f"--- the same after {len(shorter)}; DISTRIBUTOR_REPLAY takes a file of these lines")
	print(json.dumps(config))
	for step in shorter:
		print(json.dumps(step))
	if again:
		print(again[0].detail)
	sys.stdout.flush()


def replay(path):
	with open(path, encoding="utf-8") as file:
		config, *steps = [json.loads(line) for line in file if line.startswith("{")]
	found = failure(config, steps)
	print(f"{found[0].kind}\n{found[0].detail}" if found else f"{len(steps)} operations: nothing differs")
	return 1 if found else 0


def main():
	if os.environ.get("DISTRIBUTOR_REPLAY"):
		return replay(os.environ["DISTRIBUTOR_REPLAY"])
	seed = int(os.environ.get("DISTRIBUTOR_SEED") or random.randrange(1_000_000))
	wanted = int(os.environ.get("DISTRIBUTOR_STEPS") or 2000)
	print(f"seed {seed}, {wanted} operations: DISTRIBUTOR_SEED={seed} makes the same again", flush=True)
	dice = random.Random(seed)
	counts = Counter()
	done = 0
	while done < wanted:
		config = random_config(dice)
		run = Run(config, 20 if wanted >= LONG else 1, counts)
		try:
			run.random_steps(random.Random(dice.random()), min(RUN, wanted - done))
			run.check_at_the_end()
		except Overtaken:
			counts["overtaken by the clock", None] += 1
		except Difference as found:
			run.close()
			report(config, run.done, found, seed)
			return 1
		run.close()
		done += len(run.done)
	for (name, sqlstate), count in sorted(counts.items(), key=str):
		print(f"{name:16} {sqlstate or 'done':6} {count}")
	print(f"{done} operations: server and model agree")
	return 0


if __name__ == "__main__":
	sys.exit(main())
