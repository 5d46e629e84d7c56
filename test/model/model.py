"""What a program should hold: a naive model, written from doc/money.md,
doc/reference.md and doc/plan.md alone.

Everything is kept in plain lists and added up from the beginning whenever
somebody asks.  Who is paid what for a sale is calculated by test/oracle.
Times are datetimes, money is Fraction; members, orders and everything else go
by the keys of the caller.  "now" is when the transaction began, by which rows
are posted; what is available goes by the clock.
"""

import calendar
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

import oracle

ZERO = Fraction(0)
PAID = ("paid", "shipped", "done")
FULFILLED = ("done",)
REFUNDED = ("refunded", "canceled")


class Refused(Exception):
	"""The operation fails with one of these SQLSTATEs and changes nothing."""

	def __init__(self, *sqlstates):
		super().__init__(" or ".join(sqlstates))
		self.sqlstates = set(sqlstates)


def half_up(value, scale):
	"""Of a value that is not negative."""
	return Fraction(floor(value * 10 ** scale + Fraction(1, 2)), 10 ** scale)


def divide(amount, weights, scale):
	"""Largest remainder; equal claims to the last unit by position."""
	total = sum(weights)
	if amount >= total:
		return list(weights)
	unit = Fraction(1, 10 ** scale)
	exact = [amount * weight / total for weight in weights]
	parts = [floor(part / unit) * unit for part in exact]
	order = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], i))
	for i in order[:int((amount - sum(parts)) / unit)]:
		parts[i] += unit
	return parts


@dataclass
class Member:
	sponsor: int
	joined: int							# which member of all it was
	state: str = "active"
	rank: str = None


@dataclass(eq=False)
class Row:
	"""Of the ledger."""
	source: str
	event: str
	member: int
	rule: str
	amount: Fraction
	currency: str
	posted_at: datetime
	available_at: datetime				# None: the release of its sale says
	level: int = 0
	line: int = 0
	basis: int = 0
	sale: object = None
	reverses: object = None
	remains: Fraction = ZERO
	entry_id: int = None				# as the server calls it


@dataclass(eq=False)
class Sale:
	key: str
	revision: int
	member: int
	amount: Fraction
	currency: str
	occurred_at: datetime
	attributes: dict
	lines: list
	plan_version: int
	remains: Fraction = ZERO
	line_remains: list = field(default_factory=list)
	rows: list = field(default_factory=list)
	refunds: list = field(default_factory=list)
	release: tuple = None				# (available_at, recorded_at)
	fulfilled_at: datetime = None

	@property
	def content(self):
		return (self.member, self.amount, self.currency, self.occurred_at, self.attributes, self.lines)

	@property
	def event(self):
		return f"{self.key}#{self.revision}"


@dataclass(eq=False)
class Refund:
	key: str
	order: str
	amount: Fraction
	line: str
	sale: Sale = None
	taken: Fraction = None
	lines: dict = field(default_factory=dict)


@dataclass(eq=False)
class Payout:
	key: str
	member: int
	amount: Fraction
	currency: str
	requested_at: datetime
	fee: Fraction = ZERO
	tax: Fraction = ZERO
	rows: list = field(default_factory=list)
	approved: bool = False
	batch: str = None
	settled: tuple = None
	failed: str = None

	@property
	def state(self):
		if self.failed is not None:
			return "failed"
		if self.settled is not None:
			return "settled"
		if self.batch is not None:
			return "batched"
		return "approved" if self.approved else "requested"


class Program:
	def __init__(self, config):
		self.config = config
		self.zone = ZoneInfo(config["time_zone"])
		self.settings = {"hold_start": "paid", "hold_period": "0", "clawback": "carry",
						 "write_off_after": None, "sale_change": "refuse", "notices": False}
		self.members = {}
		self.plans = []					# (valid_from or None, document)
		self.sales = {}					# key: revisions
		self.numbers = {}				# of members, as the server calls them
		self.users = {}					# of the attached table
		self.orders = {}
		self.refunds = {}
		self.refund_rows = {}
		self.ledger = []
		self.adjustments = {}
		self.terms = {}					# currency: the latest
		self.payouts = {}
		self.batches = {}
		self.periods = []				# (name, ends_at, last row that was there)
		self.calls = {}					# the operations that recorded sales
		self.journal = []
		self.began = None
		self.clock = None				# when the operation begins
		self.moments = []				# at which something happened
		self.keys = 0					# drawn so far

	# Every change can be taken back.

	def put(self, mapping, key, value):
		old = mapping.get(key, self)
		self.journal.append(lambda: mapping.pop(key) if old is self else mapping.__setitem__(key, old))
		mapping[key] = value

	def drop(self, mapping, key):
		old = mapping.pop(key)
		self.journal.append(lambda: mapping.__setitem__(key, old))

	def add(self, sequence, item):
		self.journal.append(sequence.pop)
		sequence.append(item)

	def set(self, thing, name, value):
		old = getattr(thing, name)
		self.journal.append(lambda: setattr(thing, name, old))
		setattr(thing, name, value)

	def mark(self):
		return len(self.journal)

	def take_back(self, mark):
		while len(self.journal) > mark:
			self.journal.pop()()

	@contextmanager
	def all_or_nothing(self):
		mark = self.mark()
		try:
			yield
		except Refused:
			self.take_back(mark)
			raise

	# --- times and keys

	def time(self, seconds):
		return self.began + timedelta(seconds=seconds)

	def moment(self, back):
		return self.moments[max(0, len(self.moments) - 1 - back)]

	def reserve(self):
		self.keys += 1
		return self.keys

	def next_key(self):
		return self.keys + 1

	def key_text(self, member):
		return self.config["member_key"].format(member)

	# --- settings

	def scale(self, currency, plan=None):
		declared = ((plan or {}).get("currencies") or {}).get(currency, {})
		return declared["scale"] if "scale" in declared else oracle.ISO_SCALE[currency]

	def money_scale(self, currency):
		"""Where no sale says which plan: of the plan that is valid now."""
		return self.config["scales"][currency]

	def alter(self, changes, now):
		for name, value in changes.items():
			self.put(self.settings, name, value)

	def after_hold(self, start):
		"""The end of a hold period; months and days by the program's calendar."""
		words = self.settings["hold_period"].split()
		if words == ["0"]:
			return start
		number, unit = int(words[0]), words[1].rstrip("s")
		if unit in ("second", "hour"):
			return start + timedelta(**{unit + "s": number})
		local = start.astimezone(self.zone).replace(tzinfo=None)
		if unit == "day":
			local += timedelta(days=number)
		else:
			month = local.month - 1 + number
			year, month = local.year + month // 12, month % 12 + 1
			day = min(local.day, calendar.monthrange(year, month)[1])
			local = local.replace(year=year, month=month, day=day)
		return local.replace(tzinfo=self.zone)

	# --- the tree

	def path(self, member):
		"""The root first."""
		path = []
		while member is not None:
			path.append(member)
			member = self.members[member].sponsor
		return path[::-1]

	def check_sponsor(self, member, sponsor):
		if sponsor is None:
			return
		if sponsor == member:
			raise Refused("23514")
		if sponsor not in self.members:
			raise Refused("23503")
		if member in self.members and member in self.path(sponsor):
			raise Refused("23514")

	def join(self, member, sponsor, rank, state="active"):
		known = self.members.get(member)
		if known is not None and known.state != "left" and known.sponsor != sponsor:
			raise Refused("23505", "23503", "23514")
		self.check_sponsor(member, sponsor)
		if known is None:
			self.put(self.members, member, Member(sponsor, len(self.members), state, rank))
		elif known.state == "left":
			self.set(known, "sponsor", sponsor)
			self.set(known, "rank", known.rank if rank is None else rank)
			self.set(known, "state", state)
		elif rank not in (None, known.rank):
			raise Refused("23505")

	def known(self, member):
		if member not in self.members:
			raise Refused("23503")
		return self.members[member]

	def move(self, member, sponsor):
		known = self.known(member)
		self.check_sponsor(member, sponsor)
		self.set(known, "sponsor", sponsor)

	def change(self, member, **changes):
		known = self.known(member)
		for name, value in changes.items():
			self.set(known, name, value)

	def leave(self, member, downline):
		known = self.known(member)
		self.set(known, "state", "left")
		if downline == "sponsor":
			for each in self.members.values():
				if each.sponsor == member:
					self.set(each, "sponsor", known.sponsor)

	# The attached table of members.

	def insert_user(self, member, sponsor, rank, state):
		if member in self.users:
			raise Refused("23505")
		self.put(self.users, member, (sponsor, rank, state))
		self.check_sponsor(member, sponsor)
		if member in self.members:
			self.change(member, sponsor=sponsor, rank=rank, state=state)
		else:
			self.join(member, sponsor, rank, state)

	def update_user(self, member, changes):
		if member not in self.users:
			return
		sponsor, rank, state = self.users[member]
		row = (changes.get("sponsor", sponsor), changes.get("rank", rank), changes.get("state", state))
		self.put(self.users, member, row)
		if row[0] != sponsor:
			self.move(member, row[0])
		self.change(member, rank=row[1], state=row[2])

	def delete_user(self, member):
		if member in self.users:
			self.drop(self.users, member)
			self.change(member, state="left")

	# --- plans

	def set_plan(self, document, valid_from, now):
		if valid_from is None and self.plans:
			valid_from = now
		if valid_from is not None:
			if any(valid_from == other for other, _ in self.plans):
				raise Refused("23505")
			if any(valid_from <= s.occurred_at <= now for every in self.sales.values() for s in every):
				raise Refused("55000")
		self.add(self.plans, (valid_from, document))

	def plan_at(self, time):
		"""Version and document."""
		valid = [(valid_from, i) for i, (valid_from, _) in enumerate(self.plans)
				 if valid_from is None or valid_from <= time]
		if not valid:
			raise Refused("55000")
		latest = max(valid, key=lambda each: (each[0] is not None, each[0]))[1]
		return latest + 1, self.plans[latest][1]

	# --- sales

	def sale_of(self, key):
		"""The latest revision."""
		return self.sales[key][-1] if key in self.sales else None

	def record_sale(self, key, member, amount, currency, occurred_at, attributes, lines, now):
		"""By call: once, and never with other content."""
		self.check_order(key, member, amount, currency)
		old = self.sale_of(key)
		if old is not None:
			if old.content != (member, amount, currency, occurred_at, attributes, lines):
				raise Refused("23505")
			return old
		return self.post(key, member, amount, currency, occurred_at, attributes, lines, now)

	def check_order(self, key, member, amount, currency):
		if amount < 0:
			raise Refused("22023")
		if member not in self.members:
			raise Refused("23503")
		if currency not in self.config["scales"]:
			raise Refused("22023")

	def counters(self, key, member):
		"""What a plan may ask for; the model answers order numbers alone.  An
		order that changes keeps its number with a member that has had it."""
		orders = [k for k, every in self.sales.items() if any(sale.member == member for sale in every)]
		return {"order_number": (orders.index(key) if key in orders else len(orders)) + 1}

	def post(self, key, member, amount, currency, occurred_at, attributes, lines, now):
		version, plan = self.plan_at(occurred_at)
		sale = Sale(key, len(self.sales.get(key, ())) + 1, member, amount, currency, occurred_at,
					attributes, lines, version)
		path = self.path(member)
		upline = [self.members[each] for each in reversed(path)]
		facts = {"attributes": attributes or {}, "occurred_at": occurred_at.isoformat(),
				 "counters": self.counters(key, member),
				 "lines": [{"key": line["key"], "product": line["product"], "amount": as_decimal(line["amount"])}
						   for line in lines]}
		calculated = oracle.payments(oracle.lines(plan, oracle.Sale(
			path, amount, currency, [each.state for each in upline],
			[each.rank if each.rank in plan.get("ranks", ()) else None for each in upline], facts)))
		available_at = None
		if self.settings["hold_start"] == "paid":
			available_at = max(now, self.after_hold(occurred_at))
		sale.remains = amount
		sale.line_remains = [Fraction(line["amount"]) for line in lines]
		for paid in calculated:
			sale.rows.append(Row("sale", sale.event, paid.member, paid.rule, paid.amount, currency, now,
								 available_at, paid.level, paid.line, paid.basis, sale, remains=paid.amount))
			self.add(self.ledger, sale.rows[-1])
		self.put(self.sales, key, self.sales.get(key, []) + [sale])
		for refund in list(self.refunds.values()):
			if refund.order == key and refund.sale is None and sale.revision == 1:
				try:
					with self.all_or_nothing():
						self.take(refund, sale, now)	# of what the order has just brought
				except Refused:
					pass				# it waits on
		return sale

	# --- refunds

	def record_refund(self, key, order, amount, line, now):
		if amount is not None and amount <= 0:
			raise Refused("22023")
		known = self.refunds.get(key)
		if known is not None:
			if (known.order, known.amount, known.line) != (order, amount, line):
				raise Refused("23505")
			if known.sale is not None:
				return
			refund = known				# it waits, and is tried again
		else:
			refund = Refund(key, order, amount, line)
			self.put(self.refunds, key, refund)
		sale = self.sale_of(order)
		if sale is not None:
			self.block(self.take(refund, sale, now), sale.currency)

	def take(self, refund, sale, now):
		"""The refund meets its sale; returns from whom it takes what was available."""
		number = None
		if refund.line is not None:
			number = self.line_number(sale, refund.line)
		limit = sale.remains if number is None else min(sale.remains, sale.line_remains[number - 1])
		amount = limit if refund.amount is None else refund.amount
		# An order over nothing may have paid as well, and is taken back once.
		if amount > limit or (amount == 0 and (sale.refunds or number is not None)):
			raise Refused("23514")
		changes = {}
		if number is None or amount == sale.remains:
			self.take_rows(refund, sale, sale.rows, amount, sale.remains, changes, now)
		else:
			self.take_rows(refund, sale, [r for r in sale.rows if r.line == number], amount, limit, changes, now)
			self.take_rows(refund, sale, [r for r in sale.rows if r.line == 0], amount, sale.remains, changes, now)
		if number is not None:
			lines = {number: amount}
		else:
			lines = self.over_lines(sale, amount)
		remains = list(sale.line_remains)
		for line, part in lines.items():
			remains[line - 1] -= part
		self.set(sale, "line_remains", remains)
		self.set(sale, "remains", sale.remains - amount)
		self.add(sale.refunds, refund)
		self.set(refund, "sale", sale)
		self.set(refund, "taken", amount)
		self.set(refund, "lines", {line: part for line, part in lines.items() if part})
		return changes

	def line_number(self, sale, key):
		for i, line in enumerate(sale.lines, 1):
			if line["key"] == key:
				return i
		for i, line in enumerate(sale.lines, 1):
			if line["key"] is None and str(i) == key:
				return i
		raise Refused("23503")

	def over_lines(self, sale, amount):
		"""A refund of the order is one of its lines and of what it has beside them."""
		if not sale.lines:
			return {}
		weights = sale.line_remains + [max(ZERO, sale.remains - sum(sale.line_remains))]
		plan = self.plans[sale.plan_version - 1][1]
		parts = divide(amount, weights, self.scale(sale.currency, plan))
		return dict(enumerate(parts[:-1], 1))

	def take_rows(self, refund, sale, rows, part, of, changes, now):
		rows = sorted(rows, key=lambda row: row.entry_id or 0)
		total = sum((row.remains for row in rows), ZERO)
		scale = self.scale(sale.currency, self.plans[sale.plan_version - 1][1])
		taken = total if part >= of else min(total, half_up(total * part / of, scale))
		for row, share in zip(rows, divide(taken, [row.remains for row in rows], scale)):
			if share:
				self.set(row, "remains", row.remains - share)
				self.add(self.ledger, Row("refund", refund.key, row.member, row.rule, -share, row.currency, now,
										  row.available_at, row.level, row.line, row.basis, sale, row))
				if self.is_available(row, self.clock):
					changes[row.member] = changes.get(row.member, ZERO) - share

	def block(self, members, currency):
		"""With clawback "block", a refund may not leave a member in debt."""
		if self.settings["clawback"] == "block" and any(
				self.available(member, currency, self.clock) < 0 for member in members):
			raise Refused("23514")

	# The attached table of refunds.

	def insert_refund(self, key, order, amount, line, now):
		if key in self.refund_rows:
			raise Refused("23505")
		self.put(self.refund_rows, key, (order, amount, line))
		self.record_refund(key, order, amount, line, now)

	# --- the attached table of orders

	def write_order(self, key, new, now):
		"""INSERT, or UPDATE to what new says; None: DELETE."""
		old = self.orders.get(key)
		sale = self.sale_of(key)
		if new is None:
			if sale is not None and old is not None:
				raise Refused("55000")
			if old is not None:
				self.drop(self.orders, key)
			return
		self.put(self.orders, key, new)
		status = new["status"]
		content = (new["member"], new["amount"], new["currency"], new["occurred_at"],
				   {"region": new["region"]} if new["region"] is not None else {"region": None}, new["lines"])
		taken = f"{key} refunded" in self.refunds
		if status in PAID:
			if taken:
				raise Refused("55000")
			self.check_order(key, new["member"], new["amount"], new["currency"])
			if sale is None or content != sale.content:
				_, plan = self.plan_at(new["occurred_at"])
				if self.config["lines"] and not new["lines"] and asks_for_lines(plan):
					raise Refused("55000")
			if sale is None:
				sale = self.post(key, *content, now)
			elif content != sale.content:
				self.repost(sale, content, old, now)
			self.fulfill_by_row(self.sale_of(key), new, now)
			self.refund_growth(key, old, new, now)
		elif sale is not None:
			taken = taken or (sale.remains == 0 and sale.refunds)
			if status not in REFUNDED or (not taken and content != sale.content):
				raise Refused("55000")
			if not taken:
				self.record_refund(f"{key} refunded", key, None, None, now)

	def write_lines(self, key, new, now):
		"""The lines of an order become those of new, and nothing else changes; the
		order itself is not read."""
		sale = self.sale_of(key)
		if sale is not None and new["lines"] != self.orders[key]["lines"]:
			if new["status"] not in PAID:
				raise Refused("55000")
			self.repost(sale, (*sale.content[:-1], new["lines"]), self.orders[key], now)
		self.put(self.orders, key, new)

	def catch_up(self, now):
		"""All orders are read again."""
		for key, order in self.orders.items():
			sale = self.sale_of(key)
			if sale is not None:
				self.fulfill_by_row(sale, order, now)

	def fulfill_by_row(self, sale, order, now):
		if order["status"] in FULFILLED or (order["status"] in PAID and order["fulfilled_at"] is not None):
			self.fulfill(sale, order["fulfilled_at"] or now, now, first_only=False)

	def refund_growth(self, key, old, new, now):
		told = sum((refund.amount for refund in self.refunds.values()
					if refund.order == key and refund.key.startswith(f"{key} refunded ")), ZERO)
		refunded = new["refunded"] or ZERO
		if refunded < told:
			raise Refused("55000")
		if refunded > told:
			self.record_refund(f"{key} refunded {plain(refunded)}", key, refunded - told, None, now)

	def repost(self, sale, content, old, now):
		if self.settings["sale_change"] != "repost":
			raise Refused("55000" if old is not None else "23505")
		if sale.refunds:
			raise Refused("55000")
		refund = Refund(f"{sale.key} changed {sale.revision}", sale.key, None, None)
		self.put(self.refunds, refund.key, refund)
		members = self.take(refund, sale, now)
		new = self.post(sale.key, *content, now)
		if sale.fulfilled_at is not None:
			self.fulfill(new, sale.fulfilled_at, now)
		self.block(members, sale.currency)

	# --- fulfillment

	def fulfill(self, sale, fulfilled_at, now, first_only=True):
		if sale is None:
			raise Refused("23503", "42704")
		if sale.fulfilled_at is not None:
			if first_only and sale.fulfilled_at != fulfilled_at:
				raise Refused("23505")
			return
		if not any(row.available_at is None for row in sale.rows):
			return
		self.set(sale, "fulfilled_at", fulfilled_at)
		self.set(sale, "release", (max(now, self.after_hold(fulfilled_at)), now))

	# --- balances

	def available_from(self, row, as_of):
		"""As far as known then; None: not known."""
		if row.available_at is not None:
			return row.available_at
		release = row.sale.release
		return release[0] if release is not None and release[1] <= as_of else None

	def is_available(self, row, as_of):
		time = self.available_from(row, as_of)
		return time is not None and time <= as_of

	def available(self, member, currency, as_of):
		return sum((row.amount for row in self.ledger if row.member == member and row.currency == currency
					and row.posted_at <= as_of and self.is_available(row, as_of)), ZERO)

	def balances(self, as_of):
		"""{(member, currency): [pending, available, paid_out]}; what came late to a
		closed period counts from when statements tell it."""
		found = {}
		for i, row in enumerate(self.ledger):
			if self.time_in_statements(i) <= as_of:
				sums = found.setdefault((row.member, row.currency), [ZERO, ZERO, ZERO])
				sums[self.is_available(row, as_of)] += row.amount
				if row.source in ("payout", "payout_failure"):
					sums[2] -= row.amount
		return found

	# --- adjustments

	def adjust(self, member, amount, reason, key, currency, now):
		content = (member, amount, reason, currency)
		if amount == 0:
			raise Refused("22023")
		if member not in self.members:
			raise Refused("23503")
		if key in self.adjustments:
			if self.adjustments[key] != content:
				raise Refused("23505")
			return
		self.put(self.adjustments, key, content)
		self.add(self.ledger, Row("adjustment", key, member, "adjustment", amount, currency, now, now))

	def debt_since(self, member, currency, now):
		"""Since when it has been below zero without interruption; None: it is not."""
		rows = [row for row in self.ledger if row.member == member and row.currency == currency]
		times = sorted({max(row.posted_at, self.available_from(row, now)) for row in rows
						if self.is_available(row, now)})
		since, total = None, ZERO
		for time in times:
			total = sum((row.amount for row in rows if self.is_available(row, now)
						 and max(row.posted_at, self.available_from(row, now)) <= time), ZERO)
			if total >= 0:
				since = None
			elif since is None:
				since = time
		return since

	def write_off(self, now):
		"""What is written off: {(member, currency): amount}."""
		after = self.settings["write_off_after"]
		if self.settings["clawback"] != "write_off":
			raise Refused("55000")
		debts = {}
		for member, currency in {(row.member, row.currency) for row in self.ledger}:
			since = self.debt_since(member, currency, self.clock)
			if since is not None and since + interval(after) <= self.clock:
				debts[member, currency] = -self.available(member, currency, self.clock)
		for (member, currency), amount in debts.items():
			self.add(self.ledger, Row("adjustment", None, member, "write_off", amount, currency, now, now))
		return debts

	def coming(self, after):
		"""The times after that at which something changes by itself."""
		times = {self.available_from(row, after) for row in self.ledger} - {None}
		if self.settings["clawback"] == "write_off":
			for member, currency in {(row.member, row.currency) for row in self.ledger}:
				since = self.debt_since(member, currency, after)
				if since is not None:
					times.add(since + interval(self.settings["write_off_after"]))
		return {time for time in times if time > after}

	# --- payouts

	def period_start(self, time, period):
		local = time.astimezone(self.zone)
		if period == "life":
			return None
		return (local.year, local.month) if period == "month" else (local.year,)

	def request_payout(self, member, amount, key, currency, now):
		known = self.payouts.get(key)
		if member not in self.members:
			raise Refused("23503")
		if amount is not None and amount <= 0:
			raise Refused("22023")
		if known is not None:
			if (known.member, known.currency) != (member, currency) or amount not in (None, known.amount):
				raise Refused("23505")
			return known
		available = self.available(member, currency, self.clock)
		terms = self.terms.get(currency)
		amount = available if amount is None else amount
		if amount > available or amount <= 0 or (terms and amount < terms["minimum"]):
			raise Refused("23514")
		payout = Payout(key, member, amount, currency, now, approved=not terms or terms["approval"] == "automatic")
		if terms:
			payout.fee, payout.tax = self.charges(payout, terms)
		self.put(self.payouts, key, payout)
		for rule, part in (("payout", amount - payout.fee - payout.tax), ("fee", payout.fee), ("tax", payout.tax)):
			if part:
				payout.rows.append(Row("payout", key, member, rule, -part, currency, now, now))
				self.add(self.ledger, payout.rows[-1])
		return payout

	def charges(self, payout, terms):
		"""Fee and tax."""
		period = self.period_start(payout.requested_at, terms["period"])
		before = [p for p in self.payouts.values() if p.failed is None
				  and (p.member, p.currency) == (payout.member, payout.currency)
				  and self.period_start(p.requested_at, terms["period"]) == period]
		scale = self.money_scale(payout.currency)
		paid = sum((p.amount for p in before), ZERO)
		fee = ZERO
		if len(before) >= terms["free_count"]:
			free = max(ZERO, terms["free_amount"] - paid)
			fee = min(payout.amount, half_up(
				terms["fee_fixed"] + terms["fee_rate"] * max(ZERO, payout.amount - free), scale))
		due = slices(paid + payout.amount, terms["tax"]) - sum((p.tax for p in before), ZERO)
		return fee, min(payout.amount - fee, half_up(max(ZERO, due), scale))

	def payout_of(self, key):
		if key not in self.payouts:
			raise Refused("23503")
		return self.payouts[key]

	def approve(self, key):
		payout = self.payout_of(key)
		if payout.failed is not None:
			raise Refused("55000")
		self.set(payout, "approved", True)

	def settle(self, key, reference, settled_at):
		payout = self.payout_of(key)
		if payout.failed is not None or not payout.approved:
			raise Refused("55000")
		if payout.settled is not None:
			if payout.settled != (reference, settled_at):
				raise Refused("23505")
			return
		self.set(payout, "settled", (reference, settled_at))

	def fail(self, key, reason, now):
		payout = self.payout_of(key)
		if payout.failed is not None:
			if payout.failed != reason:
				raise Refused("23505")
			return
		self.set(payout, "failed", reason)
		for row in payout.rows:
			self.add(self.ledger, Row("payout_failure", key, row.member, row.rule, -row.amount, row.currency,
									  now, now, reverses=row))

	def batch(self, key, as_of, currency, sweep, now):
		if key in self.batches:
			if self.batches[key] != (as_of, currency):
				raise Refused("23505")
			return
		swept = set()
		if sweep:
			minimum = self.terms[currency]["minimum"] if currency in self.terms else ZERO
			for member in self.members:
				amount = min(self.available(member, currency, self.clock), self.available(member, currency, as_of))
				if amount > 0 and amount >= minimum:
					name = f"{key} {self.numbers.get(member, member)}"
					mark = self.mark()
					payout = self.request_payout(member, amount, name, currency, now)
					if payout.fee + payout.tax == amount:
						self.take_back(mark)	# nothing would be transferred
					else:
						swept.add(name)
		self.put(self.batches, key, (as_of, currency))
		for payout in self.payouts.values():
			if (payout.state == "approved" and payout.currency == currency
					and (payout.requested_at <= as_of or payout.key in swept)):
				self.set(payout, "batch", key)

	# --- periods

	def close_period(self, name, ends_at, now):
		if ends_at > now:
			raise Refused("22023")
		if self.periods and ends_at <= self.periods[-1][1]:
			raise Refused("22023", "55000")
		if any(name == other for other, _, _ in self.periods):
			raise Refused("23505")
		self.add(self.periods, (name, ends_at, len(self.ledger)))

	def time_in_statements(self, index):
		"""Of the row at that place in the ledger."""
		row = self.ledger[index]
		missed = [ends_at for _, ends_at, rows in self.periods if row.posted_at < ends_at and index >= rows]
		return max([row.posted_at] + missed)

	def statement(self, member, start, end, currency):
		"""Opening balance, movements in any order, closing balance."""
		movements, opening, closing = [], ZERO, ZERO
		for i, row in enumerate(self.ledger):
			if (row.member, row.currency) != (member, currency):
				continue
			time = self.time_in_statements(i)
			if time < start:
				opening += row.amount
			elif time < end:
				movements.append((row, time))
			if time < end:
				closing += row.amount
		return opening, movements, closing


def slices(total, table):
	"""Each part of total at the rate of the slice that it lies in."""
	due = ZERO
	for i, (over, rate) in enumerate(table):
		up_to = table[i + 1][0] if i + 1 < len(table) else total
		due += max(ZERO, min(total, up_to) - over) * rate
	return due


def interval(words):
	number, unit = words.split()
	return timedelta(**{unit.rstrip("s") + "s": int(number)})


def asks_for_lines(plan):
	return any(rule.get("per") == "line" for rule in plan["rules"])


def as_decimal(value):
	return Decimal(value.numerator) / value.denominator


def plain(value):
	"""As decimal digits, without trailing zeros."""
	text = f"{as_decimal(value):f}"
	return text.rstrip("0").rstrip(".") if "." in text else text
