"""What may happen to a program: each operation as it is chosen at random, as
the model does it, and as the server does it.

An operation is a dict that says everything, so that a sequence of them can be
written down, shortened and repeated.  Times in it are seconds from when the
run began, or "back", so many moments ago.
"""

import json
from fractions import Fraction

from model import Refused, plain

RANKS = ["silver", "gold", "diamond"]
REGIONS = ["north", "south", None]
PRODUCTS = ["tea", "cup", None]
DAY = 86400


# ----------------------------------------------------------------------- chance

class Dice:
	"""Random choices that know what is there."""

	def __init__(self, random, program):
		self.random = random
		self.program = program

	def chance(self, probability):
		return self.random.random() < probability

	def one_of(self, *choices):
		return self.random.choice(choices)

	def member(self):
		"""Nearly always one that is there."""
		if not self.program.members or self.chance(0.02):
			return 9000 + self.random.randrange(3)
		members = list(self.program.members)
		return members[int(len(members) * self.random.random() ** 1.3)]

	def new_member(self):
		return len(self.program.members) + 1

	def currency(self):
		main = self.program.config["currency"]
		return main if self.chance(0.7) else self.random.choice(sorted(self.program.config["scales"]))

	def currency_like(self, currency):
		"""One that has at least the same decimals."""
		scales = self.program.config["scales"]
		return self.random.choice(sorted(c for c in scales if scales[c] >= scales[currency]))

	def amount(self, currency, most=300):
		"""Of at most so much, with the decimals of the currency."""
		scale = self.program.config["scales"][currency]
		units = self.random.choice((10, 100, most)) * 10 ** scale
		return decimal(Fraction(self.random.randint(0 if self.chance(0.05) else 1, units), 10 ** scale), scale)

	def part_of(self, whole, currency, beyond=0.1):
		"""A positive part of a sum, sometimes more than it."""
		scale = self.program.config["scales"][currency]
		units = int(whole * 10 ** scale)
		most = int(units * 1.2) + 2 if self.chance(beyond) else units
		return decimal(Fraction(self.random.randint(1, max(1, most)), 10 ** scale), scale)

	def time(self):
		"""When an order occurred."""
		return round(self.random.choice((0, -self.random.random() * 3, -self.random.randrange(60) * DAY,
										 -self.random.random() * 3 * DAY, self.random.random() * DAY)), 3)

	def lines(self, currency, count=None):
		count = self.random.randint(1, 4) if count is None else count
		scale = self.program.config["scales"][currency]
		return [{"key": "abcd"[i], "product": self.random.choice(PRODUCTS),
				 "amount": decimal(Fraction(self.random.randint(0, 50 * 10 ** scale), 10 ** scale), scale)}
				for i in range(count)]

	def some(self, mapping):
		"""A key, the later the likelier."""
		keys = list(mapping)
		return keys[int(len(keys) * self.random.random() ** 0.5)] if keys else None


def decimal(value, scale):
	units = str(abs(int(value * 10 ** scale))).rjust(scale + 1, "0")
	return ("-" if value < 0 else "") + (units[:-scale] + "." + units[-scale:] if scale else units)


def random_plan(dice):
	random = dice.random

	def percent(low, high):
		return f"{random.randint(low, high)}%" if dice.chance(0.7) else f"{random.randint(low, high)}.{random.randint(1, 9)}%"

	def rate(low, high):
		if dice.chance(0.2):
			return {"by_rank": {"gold": percent(low, high), "*": percent(low, high)}}
		return percent(low, high)

	def base_rule(name, kind):
		rule = {"name": name, "kind": kind}
		if dice.chance(0.15):
			rule["when"] = {"amount": {"from": random.randint(1, 80)}}
		if dice.chance(0.2):
			rule["compression"] = {"mode": "standard"}
		return rule

	sales = base_rule("sales", "unilevel")
	sales["levels"] = [rate(1, 9) for _ in range(random.randint(1, 5))]
	if dice.chance(0.3):
		sales["self"] = percent(1, 9)
	if dice.chance(0.3):
		sales["per"] = "line"
	rules = [sales]
	if dice.chance(0.6):
		team = base_rule("team", "differential")
		rates = sorted(random.sample(range(1, 12), 3))
		team["rates"] = {"by_rank": {rank: f"{percent}%" for rank, percent in zip(RANKS, rates)}}
		rules.append(team)
		if dice.chance(0.4):
			rules.append({"name": "peer", "kind": "peer", "levels": ["10%", "5%"], "of": "first_peer",
						  "income": ["team"]})
	if dice.chance(0.3):
		rules.append({"name": "match", "kind": "override", "of": ["sales"], "levels": [percent(5, 20), "5%"],
					  **{name: sales[name] for name in ("per",) if name in sales}})
	if dice.chance(0.25):
		rules.append({"name": "pool", "kind": "split", "budget": percent(2, 8), "levels": ["50%", "30%", "20%"],
					  "missing": dice.one_of("house", "rolls_up", "last")})
	if dice.chance(0.25):
		rules.append({"name": "first", "kind": "unilevel", "levels": ["3%"],
					  "when": {"order_number": dice.one_of({"to": 2}, {"from": 3})}})
	return {"ranks": RANKS, "currencies": {"POINTS": {"scale": 0}}, "rules": rules}


# ------------------------------------------------------------------- operations

class Operation:
	alone = False						# not within a transaction of several

	def __init__(self, **what):
		self.what = what

	def __getattr__(self, name):
		try:
			return self.what[name]
		except KeyError:
			raise AttributeError(name) from None

	def written(self):
		return {"op": type(self).__name__, **self.what}

	def time(self, program, seconds):
		return program.time(seconds)


def key(program, member):
	return None if member is None else program.key_text(member)


class Join(Operation):
	@classmethod
	def random(cls, dice):
		program = dice.program
		again = dice.chance(0.15) and program.members
		member = dice.member() if again else dice.new_member()
		sponsor = None if dice.chance(0.05) or not program.members else dice.member()
		rank = dice.one_of(None, None, None, *RANKS)
		if again and dice.chance(0.5) and member in program.members:
			sponsor, rank = program.members[member].sponsor, program.members[member].rank
		return cls(member=member, sponsor=sponsor, rank=rank,
				   state="frozen" if program.config["members"] == "table" and dice.chance(0.05) else "active")

	def model(self, program, now):
		if program.config["members"] == "table":
			program.insert_user(self.member, self.sponsor, self.rank, self.state)
		else:
			program.join(self.member, self.sponsor, self.rank)

	def server(self, do, program, now):
		if program.config["members"] == "table":
			do("INSERT INTO users VALUES (%s, %s, %s, %s)",
			   key(program, self.member), key(program, self.sponsor), self.rank, self.state)
		else:
			do("SELECT distributor.add_member('model', %s::{key}, %s::{key}, rank => %s)",
			   key(program, self.member), key(program, self.sponsor), self.rank)


class Move(Operation):
	@classmethod
	def random(cls, dice):
		return cls(member=dice.member(), sponsor=None if dice.chance(0.05) else dice.member())

	def model(self, program, now):
		if program.config["members"] == "table":
			program.update_user(self.member, {"sponsor": self.sponsor})
		else:
			program.move(self.member, self.sponsor)

	def server(self, do, program, now):
		if program.config["members"] == "table":
			do("UPDATE users SET inviter = %s WHERE id = %s", key(program, self.sponsor), key(program, self.member))
		else:
			do("SELECT distributor.move_member('model', %s::{key}, %s::{key})",
			   key(program, self.member), key(program, self.sponsor))


class Rank(Operation):
	@classmethod
	def random(cls, dice):
		return cls(member=dice.member(), rank=dice.one_of(None, *RANKS, *RANKS, "unheard of"))

	def model(self, program, now):
		if program.config["members"] == "table":
			program.update_user(self.member, {"rank": self.rank})
		else:
			program.change(self.member, rank=self.rank)

	def server(self, do, program, now):
		if program.config["members"] == "table":
			do("UPDATE users SET grade = %s WHERE id = %s", self.rank, key(program, self.member))
		else:
			do("SELECT distributor.set_rank('model', %s::{key}, %s)", key(program, self.member), self.rank)


class State(Operation):
	@classmethod
	def random(cls, dice):
		return cls(member=dice.member(), state=dice.one_of("active", "active", "frozen", "left"),
				   downline=dice.one_of("keep", "keep", "sponsor"))

	def model(self, program, now):
		if program.config["members"] == "table":
			if self.state == "left" and self.downline == "sponsor":
				program.delete_user(self.member)
			else:
				program.update_user(self.member, {"state": self.state})
		elif self.state != "left":
			if self.downline == "sponsor":
				raise Refused("22023")
			program.change(self.member, state=self.state)
		else:
			program.leave(self.member, self.downline)

	def server(self, do, program, now):
		if program.config["members"] == "table":
			if self.state == "left" and self.downline == "sponsor":
				do("DELETE FROM users WHERE id = %s", key(program, self.member))
			else:
				do("UPDATE users SET status = %s WHERE id = %s", self.state, key(program, self.member))
		else:
			do("SELECT distributor.set_state('model', %s::{key}, %s, %s)",
			   key(program, self.member), self.state, self.downline)


class Plan(Operation):
	@classmethod
	def random(cls, dice):
		return cls(document=random_plan(dice),
				   at=dice.one_of(None, None, DAY / 2, -dice.random.randrange(20) * DAY - 100))

	def valid_from(self, program):
		return None if self.at is None else program.time(self.at)

	def model(self, program, now):
		program.set_plan(self.document, self.valid_from(program), now)

	def server(self, do, program, now):
		do("SELECT distributor.set_plan('model', %s::json, %s)", json.dumps(self.document), self.valid_from(program))


# Orders.

class SaleCall(Operation):
	"""record_sale, sometimes with what is there already, or something else."""

	@classmethod
	def random(cls, dice):
		program = dice.program
		again = [k for k in program.sales if k.startswith("c")]
		if again and dice.chance(0.25):
			known = program.sale_of(dice.random.choice(again[-20:]))
			call = program.calls[known.key]
			what = dict(call.what)
			if dice.chance(0.5):
				changed = dice.one_of("amount", "member", "at", "region")
				what[changed] = {"amount": dice.amount(known.currency), "member": dice.member(),
								 "at": dice.time(), "region": dice.one_of(*REGIONS)}[changed]
			return cls(**what)
		currency = dice.currency()
		lines = dice.lines(currency) if dice.chance(0.4) else []
		if lines and dice.chance(0.3):
			lines[0]["key"] = None
		amount = dice.amount(currency)
		if lines and dice.chance(0.8):
			amount = dice.amount(currency, 20) if dice.chance(0.5) else "0"
			scale = program.config["scales"][currency]
			amount = decimal(Fraction(amount) + sum(Fraction(line["amount"]) for line in lines), scale)
		if dice.chance(0.02):
			amount = "-" + amount
		key = f"c{program.reserve()}"
		waiting = [r.order for r in program.refunds.values() if r.sale is None and r.order.startswith("c")
				   and r.order not in program.sales]
		if waiting and dice.chance(0.5):
			key = dice.random.choice(waiting)
		return cls(key=key, member=dice.member(), amount=amount, currency=currency, at=dice.time(),
				   region=dice.one_of(*REGIONS), lines=lines)

	def model(self, program, now):
		program.record_sale(self.key, self.member, Fraction(self.amount), self.currency, program.time(self.at),
							{"region": self.region}, model_lines(self.lines), now)
		program.put(program.calls, self.key, self)

	def server(self, do, program, now):
		do("SELECT distributor.record_sale('model', %s, %s::{key}, %s::numeric, %s, %s, %s::jsonb, %s::jsonb)",
		   self.key, key(program, self.member), self.amount, self.currency, program.time(self.at),
		   json.dumps({"region": self.region}),
		   json.dumps([{k: v for k, v in line.items() if v is not None} for line in self.lines]) if self.lines else None)


def model_lines(lines):
	return [{**line, "amount": Fraction(line["amount"])} for line in lines]


class OrderInsert(Operation):
	"""One row or several, in one statement; their lines before them."""

	@classmethod
	def random(cls, dice):
		program = dice.program
		return cls(rows=[cls.row(dice, f"t{program.reserve()}") for _ in range(dice.one_of(1, 1, 1, 2, 5))])

	@staticmethod
	def row(dice, key):
		program = dice.program
		currency = dice.currency()
		lines = dice.lines(currency) if program.config["lines"] and not dice.chance(0.05) else []
		amount = dice.amount(currency)
		if lines and dice.chance(0.8):
			amount = decimal(sum(Fraction(line["amount"]) for line in lines), program.config["scales"][currency])
		waiting = [r.order for r in program.refunds.values() if r.sale is None and r.order.startswith("t")
				   and r.order not in program.orders]
		if waiting and dice.chance(0.3):
			key = waiting[0]
		status = dice.one_of("open", "paid", "paid", "paid", "shipped", "done", "refunded")
		refunded = None
		if status != "open" and dice.chance(0.1):
			refunded = dice.part_of(Fraction(amount), currency)
		return {"key": key, "member": dice.member(), "amount": amount, "currency": currency, "status": status,
				"at": dice.time(), "region": dice.one_of(*REGIONS), "refunded": refunded, "fulfilled_at": None,
				"lines": lines}

	def model(self, program, now):
		if len({row["key"] for row in self.rows}) < len(self.rows) or any(r["key"] in program.orders for r in self.rows):
			raise Refused("23505", "55000")	# the lines may be refused before
		refusals = set()
		for row in sorted(self.rows, key=lambda row: (row["at"], row["key"])):	# the order in which they are numbered
			try:
				with program.all_or_nothing():
					program.write_order(row["key"], model_order(program, row), now)
			except Refused as refused:
				refusals |= refused.sqlstates
		if refusals:
			raise Refused(*refusals)

	def server(self, do, program, now):
		for row in self.rows:
			for line in row["lines"]:
				do("INSERT INTO order_lines VALUES (%s, %s, %s, %s)", row["key"], line["key"], line["product"], line["amount"])
		values = [v for row in self.rows for v in server_order(program, row)]
		do("INSERT INTO orders (id, buyer, amount, currency, status, paid_at, region, refunded, fulfilled_at) VALUES "
		   + ", ".join(["(%s, %s, %s::numeric, %s, %s, %s, %s, %s::numeric, %s)"] * len(self.rows)), *values)


def model_order(program, row):
	return {**row, "amount": Fraction(row["amount"]), "occurred_at": program.time(row["at"]),
			"refunded": None if row["refunded"] is None else Fraction(row["refunded"]),
			"lines": model_lines(row["lines"]),
			"fulfilled_at": None if row["fulfilled_at"] is None else program.time(row["fulfilled_at"]), "as told": row}


def server_order(program, row):
	return (row["key"], key(program, row["member"]), row["amount"], row["currency"], row["status"],
			program.time(row["at"]), row["region"], row["refunded"],
			None if row["fulfilled_at"] is None else program.time(row["fulfilled_at"]))


class OrderUpdate(Operation):
	COLUMNS = {"member": "buyer", "amount": "amount", "status": "status", "at": "paid_at", "region": "region",
			   "refunded": "refunded", "fulfilled_at": "fulfilled_at", "currency": "currency"}

	@classmethod
	def random(cls, dice):
		program = dice.program
		key = dice.some(program.orders)
		if key is None:
			return None
		order = program.orders[key]
		changes = {}
		what = dice.random.random()
		if program.settings["sale_change"] == "repost" and what > 0.3:
			what = 1
		if what < 0.6:
			changes["status"] = dice.one_of("paid", "shipped", "done", "refunded", "canceled", "open")
		elif what < 0.75:
			told = order["refunded"] or 0
			rest = max(order["amount"] - told, 0)
			scale = program.config["scales"][order["currency"]]
			grown = Fraction(dice.part_of(rest, order["currency"])) if rest else Fraction(0)
			changes["refunded"] = decimal(told + (grown if dice.chance(0.9) else -grown), scale)
			if changes["refunded"].startswith("-"):
				changes["refunded"] = None
		elif what < 0.8:
			changes["fulfilled_at"] = round(-dice.random.random() * 5 * DAY, 3)
		else:
			name = dice.one_of("member", "amount", "at", "region", "currency")
			changes[name] = {"member": dice.member(), "amount": dice.amount(order["currency"]), "at": dice.time(),
							 "region": dice.one_of(*REGIONS), "currency": dice.currency_like(order["currency"])}[name]
		return cls(key=key, changes=changes)

	def model(self, program, now):
		if self.key in program.orders:
			row = {**program.orders[self.key]["as told"], **self.changes}
			program.write_order(self.key, model_order(program, row), now)

	def server(self, do, program, now):
		values = dict(self.changes)
		for name in ("at", "fulfilled_at"):
			if values.get(name) is not None:
				values[name] = program.time(values[name])
		if "member" in values:
			values["member"] = key(program, values["member"])
		casts = {"amount": "::numeric", "refunded": "::numeric"}
		do("UPDATE orders SET " + ", ".join(f"{self.COLUMNS[n]} = %s{casts.get(n, '')}" for n in values)
		   + " WHERE id = %s", *values.values(), self.key)


class OrderUpsert(OrderUpdate):
	"""The same again, by ON CONFLICT DO UPDATE; most of them change nothing."""

	@classmethod
	def random(cls, dice):
		key = dice.some(dice.program.orders)
		return None if key is None else cls(key=key, changes={"status": dice.program.orders[key]["status"]})

	def server(self, do, program, now):
		do("INSERT INTO orders (id, buyer, amount, currency, status, paid_at) SELECT id, buyer, amount, currency, status,"
		   " paid_at FROM orders WHERE id = %s ON CONFLICT (id) DO UPDATE SET status = %s", self.key, self.changes["status"])


class OrderDelete(Operation):
	@classmethod
	def random(cls, dice):
		key = dice.some(dice.program.orders)
		return None if key is None else cls(key=key)

	def model(self, program, now):
		if self.key in program.orders:
			program.write_order(self.key, None, now)

	def server(self, do, program, now):
		do("DELETE FROM orders WHERE id = %s", self.key)
		do("DELETE FROM order_lines WHERE order_id = %s", self.key)


class LineUpdate(Operation):
	"""Another amount, or another product, of a line of an order of the table."""

	@classmethod
	def random(cls, dice):
		program = dice.program
		with_lines = [key for key, order in program.orders.items() if order["lines"]]
		if not with_lines:
			return None
		key = dice.random.choice(with_lines)
		order = program.orders[key]
		return cls(key=key, line=dice.random.choice(order["lines"])["key"],
				   change=dice.one_of({"amount": dice.amount(order["currency"], 20)}, {"product": dice.one_of(*PRODUCTS)}))

	def model(self, program, now):
		if self.key in program.orders:
			row = dict(program.orders[self.key]["as told"])
			row["lines"] = [{**line, **self.change} if line["key"] == self.line else line for line in row["lines"]]
			program.write_lines(self.key, model_order(program, row), now)

	def server(self, do, program, now):
		[(name, value)] = self.change.items()
		do(f"UPDATE order_lines SET {name} = %s{'::numeric' if name == 'amount' else ''} WHERE order_id = %s AND no = %s",
		   value, self.key, self.line)


class PostSales(Operation):
	"""All is posted already; what waits for a fulfillment may have been."""

	@classmethod
	def random(cls, dice):
		return cls()

	def model(self, program, now):
		program.catch_up(now)

	def server(self, do, program, now):
		do("SELECT distributor.post_sales('model')")


class Resume(PostSales):
	def server(self, do, program, now):
		do("SELECT distributor.pause('model')")
		do("SELECT distributor.resume('model')")


# Refunds.

class RefundCall(Operation):
	@classmethod
	def random(cls, dice):
		program = dice.program
		if program.refunds and dice.chance(0.15):
			known = program.refunds[dice.some(program.refunds)]
			amount = None if known.amount is None else plain(known.amount)
			return cls(key=known.key, order=known.order, amount=dice.amount("POINTS") if dice.chance(0.2) else amount,
					   line=known.line)
		return cls(**cls.some_refund(dice, f"r{program.reserve()}"))

	@staticmethod
	def some_refund(dice, key):
		program = dice.program
		if not program.sales or dice.chance(0.06):
			order = f"{dice.one_of('c', 't')}{program.next_key() + dice.random.randint(0, 6)}"
			return {"key": key, "order": order, "line": dice.one_of(None, None, "a"),
					"amount": dice.one_of(None, dice.amount("POINTS", 50))}
		sale = program.sale_of(dice.some(program.sales))
		line, rest = None, sale.remains
		if sale.lines and dice.chance(0.5):
			number = dice.random.randrange(len(sale.lines))
			line = sale.lines[number]["key"] or str(number + 1)
			rest = min(rest, sale.line_remains[number])
		elif dice.chance(0.03):
			line = "z"
		amount = None if dice.chance(0.3) else dice.part_of(rest, sale.currency)
		if dice.chance(0.02):
			amount = dice.one_of("0", "-1")
		return {"key": key, "order": sale.key, "amount": amount, "line": line}

	def model(self, program, now):
		program.record_refund(self.key, self.order, None if self.amount is None else Fraction(self.amount),
							  self.line, now)

	def server(self, do, program, now):
		do("SELECT distributor.record_refund('model', %s, %s, %s::numeric, %s)",
		   self.order, self.key, self.amount, self.line)


class RefundRow(RefundCall):
	@classmethod
	def random(cls, dice):
		return cls(**cls.some_refund(dice, f"rt{dice.program.reserve()}"))

	def model(self, program, now):
		program.insert_refund(self.key, self.order, None if self.amount is None else Fraction(self.amount),
							  self.line, now)

	def server(self, do, program, now):
		do("INSERT INTO refunds VALUES (%s, %s, %s::numeric, %s)", self.key, self.order, self.amount, self.line)


# Money after it is earned.

class Alter(Operation):
	@classmethod
	def random(cls, dice):
		changes = {}
		for name in dice.random.sample(["hold_start", "hold_period", "clawback", "sale_change", "notices"],
									   dice.random.randint(1, 2)):
			changes[name] = {"hold_start": dice.one_of("paid", "paid", "fulfilled"),
							 "hold_period": dice.one_of("0", "1 second", "2 days", "1 month", "36 hours"),
							 "clawback": dice.one_of("carry", "write_off", "block"),
							 "sale_change": dice.one_of("refuse", "repost"),
							 "notices": dice.one_of(True, False)}[name]
		if "clawback" in changes:
			changes["write_off_after"] = dice.one_of("0 seconds", "1 second", "1 day") if changes["clawback"] == "write_off" else None
		return cls(changes=changes)

	def model(self, program, now):
		program.alter(self.changes, now)

	def server(self, do, program, now):
		do("SELECT distributor.alter_program('model', " + ", ".join(f"{n} => %s" for n in self.changes) + ")",
		   *self.changes.values())


class Fulfillment(Operation):
	@classmethod
	def random(cls, dice):
		program = dice.program
		key = dice.some(program.sales) if program.sales and not dice.chance(0.03) else "c0"
		return cls(order=key, at=round(-dice.random.random() * 4 * DAY, 3))

	def model(self, program, now):
		program.fulfill(program.sale_of(self.order), program.time(self.at), now)

	def server(self, do, program, now):
		do("SELECT distributor.record_fulfillment('model', %s, %s)", self.order, program.time(self.at))


class Adjust(Operation):
	@classmethod
	def random(cls, dice):
		program = dice.program
		if program.adjustments and dice.chance(0.2):
			key = dice.some(program.adjustments)
			member, amount, reason, currency = program.adjustments[key]
			scale = program.config["scales"][currency]
			return cls(key=key, member=member, amount=decimal(amount, scale), currency=currency,
					   reason=reason if dice.chance(0.8) else "another")
		currency = dice.currency()
		amount = dice.amount(currency, 50)
		return cls(key=f"a{program.reserve()}", member=dice.member(), reason="by hand", currency=currency,
				   amount="-" + amount if dice.chance(0.4) else amount)

	def model(self, program, now):
		program.adjust(self.member, Fraction(self.amount), self.reason, self.key, self.currency, now)

	def server(self, do, program, now):
		do("SELECT distributor.adjust('model', %s::{key}, %s::numeric, %s, %s, %s)",
		   key(program, self.member), self.amount, self.reason, self.key, self.currency)


class WriteOff(Operation):
	@classmethod
	def random(cls, dice):
		return cls()

	def model(self, program, now):
		program.write_off(now)

	def server(self, do, program, now):
		do("SELECT distributor.write_off('model')")


class Terms(Operation):
	@classmethod
	def random(cls, dice):
		currency = dice.currency()
		scale = dice.program.config["scales"][currency]
		tax = [[0, dice.one_of("0", "0.05", "0.1")]]
		if dice.chance(0.5):
			tax.append([dice.random.randint(1, 40), dice.one_of("0.2", "0.33")])
		return cls(currency=currency, minimum=dice.one_of("0", "1", "5"), fee_fixed=dice.one_of("0", "1"),
				   fee_rate=dice.one_of("0", "0.01", "0.125"), free_count=dice.one_of(0, 0, 1, 3),
				   free_amount=dice.one_of("0", "10"), tax=tax, period=dice.one_of("month", "year", "life"),
				   approval=dice.one_of("automatic", "manual"), scale=scale)

	def model(self, program, now):
		terms = {name: Fraction(self.what[name]) for name in ("minimum", "fee_fixed", "fee_rate", "free_amount")}
		program.put(program.terms, self.currency, {
			**terms, "free_count": self.free_count, "period": self.period, "approval": self.approval,
			"tax": [(Fraction(over), Fraction(rate)) for over, rate in self.tax]})

	def server(self, do, program, now):
		do("SELECT distributor.set_payout_terms('model', %s, minimum => %s::numeric, fee_fixed => %s::numeric,"
		   " fee_rate => %s::numeric, free_count => %s, free_amount => %s::numeric, tax => %s::jsonb, period => %s,"
		   " approval => %s)", self.currency, self.minimum, self.fee_fixed, self.fee_rate, self.free_count,
		   self.free_amount, json.dumps([{"over": over, "rate": float(rate)} for over, rate in self.tax]),
		   self.period, self.approval)


class RequestPayout(Operation):
	@classmethod
	def random(cls, dice):
		program = dice.program
		if program.payouts and dice.chance(0.15):
			known = program.payouts[dice.some(program.payouts)]
			scale = program.config["scales"][known.currency]
			return cls(key=known.key, member=known.member if dice.chance(0.9) else dice.member(),
					   amount=decimal(known.amount, scale), currency=known.currency)
		currency, member = dice.currency(), dice.member()
		rich = sorted({(row.member, row.currency) for row in program.ledger[-60:]})
		if rich and dice.chance(0.8):
			member, currency = dice.random.choice(rich)
		amount = None
		if dice.chance(0.7):
			available = program.available(member, currency, program.moments[-1])
			amount = dice.part_of(max(available, Fraction(0)), currency)
		return cls(key=f"p{program.reserve()}", member=member, amount=amount, currency=currency)

	def model(self, program, now):
		program.request_payout(self.member, None if self.amount is None else Fraction(self.amount), self.key,
							   self.currency, now)

	def server(self, do, program, now):
		do("SELECT distributor.request_payout('model', %s::{key}, %s::numeric, %s, %s)",
		   key(program, self.member), self.amount, self.key, self.currency)


class OfPayout(Operation):
	@classmethod
	def random(cls, dice):
		program = dice.program
		key = dice.some(program.payouts) if program.payouts and not dice.chance(0.03) else "p0"
		return cls(key=key, word=dice.one_of("one", "one", "other"), at=0)


class Approve(OfPayout):
	def model(self, program, now):
		program.approve(self.key)

	def server(self, do, program, now):
		do("SELECT distributor.approve_payout('model', %s)", self.key)


class Settle(OfPayout):
	def model(self, program, now):
		program.settle(self.key, self.word, program.time(self.at))

	def server(self, do, program, now):
		do("SELECT distributor.settle_payout('model', %s, %s, %s)", self.key, self.word, program.time(self.at))


class Fail(OfPayout):
	def model(self, program, now):
		program.fail(self.key, self.word, now)

	def server(self, do, program, now):
		do("SELECT distributor.fail_payout('model', %s, %s)", self.key, self.word)


class Batch(Operation):
	@classmethod
	def random(cls, dice):
		program = dice.program
		return cls(key=f"b{program.reserve()}", back=dice.one_of(0, 0, 3, 30), currency=dice.currency(),
				   sweep=dice.chance(0.4))

	def model(self, program, now):
		program.batch(self.key, program.moment(self.back), self.currency, self.sweep, now)

	def server(self, do, program, now):
		do("SELECT distributor.create_payout_batch('model', %s, %s, %s, sweep => %s)",
		   program.moment(self.back), self.currency, self.key, self.sweep)


class Fold(Operation):
	alone = True

	@classmethod
	def random(cls, dice):
		return cls(batch=dice.one_of(1, 7, 10000))

	def model(self, program, now):
		pass

	def server(self, do, program, now):
		do("CALL distributor.fold('model', %s)", self.batch)


class ClosePeriod(Operation):
	@classmethod
	def random(cls, dice):
		return cls(name=f"until {dice.program.reserve()}", back=dice.random.randrange(20), seal=dice.chance(0.7))

	def model(self, program, now):
		program.close_period(self.name, program.moment(self.back), now)

	def server(self, do, program, now):
		do("SELECT distributor.close_period('model', %s, %s, %s)", program.moment(self.back), self.name, self.seal)


# Several at once, and what does not stay.

class Transaction(Operation):
	"""Several in one transaction, each in a savepoint of its own."""
	alone = True
	LENGTH = (2, 3, 5)

	@classmethod
	def random(cls, dice):
		chosen = []
		for _ in range(dice.one_of(*cls.LENGTH)):
			operation = dice.program.some_operation(dice)
			if operation is not None and not operation.alone:
				# A plan without a time begins by the clock, which two would not share.
				if not isinstance(operation, Plan) or operation.at is not None:
					chosen.append(operation.written())
		return cls(steps=chosen)


class Aborted(Transaction):
	"""All of it is rolled back."""
	LENGTH = (1, 1, 2)


class Late(Transaction):
	"""A transaction that began earlier and commits now."""
	LENGTH = (1, 2)


CHANCES = {
	Join: 8, Move: 5, Rank: 4, State: 4, Plan: 1.5, SaleCall: 14, OrderInsert: 10, OrderUpdate: 14,
	OrderUpsert: 1, OrderDelete: 1, LineUpdate: 2, PostSales: 0.7, Resume: 0.4, RefundCall: 12, RefundRow: 6,
	Alter: 2, Fulfillment: 4, Adjust: 3, WriteOff: 1, Terms: 1, RequestPayout: 9, Approve: 4, Settle: 4, Fail: 3,
	Batch: 1.5, Fold: 2, ClosePeriod: 1, Transaction: 4, Aborted: 2, Late: 1.5,
}
BY_NAME = {each.__name__: each for each in CHANCES}
IN_LATE = (SaleCall, OrderInsert, RefundCall, RefundRow, Adjust)


def read(written):
	what = dict(written)
	return BY_NAME[what.pop("op")](**what)
