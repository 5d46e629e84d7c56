"""What a commission plan pays for one sale, written from doc/plan.md alone.

It exists to be compared with the engine: it shares no code with it, is meant
to be checked by reading it beside the reference, and takes whatever time it
takes.  All arithmetic is exact (fractions); nothing here is a float.

	lines(plan, sale)		every line, paid or not, as explain_commissions()
	payments(lines)			those that are paid, as commissions()

A plan is the document as json.loads(text, parse_float=Decimal) gives it; it
must be valid, nothing is checked.  A sale is a Sale.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

# Decimals of the ISO 4217 currencies that the tests use.
ISO_SCALE = {"USD": 2, "EUR": 2, "CNY": 2, "GBP": 2, "JPY": 0, "KRW": 0, "KWD": 3}

CAPS = ["sale", "member_sale", "member_day", "member_week", "member_month",
		"member_year", "member_lifetime"]


class Refused(Exception):
	"""An argument is an error; says which."""

	def __init__(self, what, sqlstate="22023"):
		super().__init__(what)
		self.sqlstate = sqlstate


class MissingFact(Refused):
	"""A rule needs a counter or a time that the sale does not have."""


def check_arguments(plan, amount, currency, states):
	"""Raises Refused; amount is a Decimal.  What a plan may hold is not checked."""
	if plan is None:
		raise Refused("plan", "22004")
	if amount is not None and not amount.is_finite():
		raise Refused("amount", "22003")
	if amount is not None and amount < 0:
		raise Refused("amount")
	if currency not in (None, *ISO_SCALE, *(plan.get("currencies") or {})):
		raise Refused("currency")
	if not set(states or []) <= {None, "active", "frozen", "left"}:
		raise Refused("state")


@dataclass
class Sale:
	path: list							# ids, the root first
	amount: Fraction
	currency: str = None
	states: list = field(default_factory=list)	# by level
	ranks: list = field(default_factory=list)	# by level
	facts: dict = field(default_factory=dict)	# the argument "sale"

	def fact(self, name, default=None):
		value = (self.facts or {}).get(name)
		return default if value is None else value

	def counter(self, name):
		return self.fact("counters", {}).get(name)


@dataclass
class Person:
	"""A member whom a payment may go to; level None: not in the upline."""
	level: int
	member: int
	state: str
	rank: str


@dataclass
class Line:
	rule: str
	line: int							# of the order, 0: all of it
	level: int = None
	member: int = None
	basis: int = 0
	base: Fraction = None
	rate: Fraction = None
	exact: Fraction = None
	amount: Fraction = Fraction(0)
	reason: str = "paid"
	limited_by: str = None
	rounded: Fraction = Fraction(0)		# the amount before any limit
	to_named: bool = False				# to the {"member": ...} of a split

	@property
	def stands_at(self):
		"""The level for rules that look at levels."""
		return None if self.to_named else self.level

	def take_money(self, reason):
		"""Keep the line, without money: somebody else's line has it."""
		self.base = self.rate = self.exact = None
		self.amount = self.rounded = Fraction(0)
		self.reason = reason


@dataclass
class Rate:
	"""A percentage as a fraction of 1, or a fixed amount; never both."""
	percent: Fraction = None
	fixed: Fraction = None

	def is_zero(self):
		return (self.fixed if self.percent is None else self.percent) == 0

	def times(self, factor):
		if self.percent is None:
			return Rate(fixed=self.fixed * factor)
		return Rate(percent=self.percent * factor)


# ---------------------------------------------------------------- small words

def number(value):
	"""A JSON number or a string of digits; None for all else."""
	if isinstance(value, bool):
		return None
	if isinstance(value, (int, Decimal)):
		return Fraction(value)
	if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
		return Fraction(Decimal(value))
	return None


def percentage(value):
	if isinstance(value, str) and value.endswith("%"):
		return Fraction(Decimal(value[:-1])) / 100
	return number(value)


def text(value):
	"""The text by which words are equal."""
	if isinstance(value, bool):
		return "true" if value else "false"
	return str(value)


def time(value):
	return datetime.fromisoformat(value.replace("Z", "+00:00"))


def money(value, currency):
	"""A sum of money: the same everywhere, or by currency; None: no value."""
	if isinstance(value, dict):
		value = value.get(currency)
	return None if value is None else number(value)


def round_down(value, scale):
	return Fraction(math.floor(value * 10 ** scale), 10 ** scale)


def round_to(value, scale, mode):
	units = value * 10 ** scale
	below = math.floor(units)
	rest = units - below
	if mode == "down" or rest == 0:
		up = False
	elif mode == "ceiling":
		up = True
	elif rest != Fraction(1, 2):
		up = rest > Fraction(1, 2)
	else:
		up = mode == "half_up" or below % 2 == 1
	return Fraction(below + up, 10 ** scale)


def largest_remainder(values, total, scale):
	"""Each rounded down; what is missing from the total goes, unit by unit,
	to the largest fractions, the first among equals."""
	unit = Fraction(1, 10 ** scale)
	parts = [round_down(v, scale) for v in values]
	missing = int((total - sum(parts)) / unit)
	order = sorted(range(len(values)), key=lambda i: parts[i] - values[i])
	for i in order[:missing]:
		parts[i] += unit
	return parts


# ---------------------------------------------------------------------- items

class Item:
	"""What a rule looks at: one order line, or the order as a whole."""

	def __init__(self, sale, order_line=None, line=0):
		self.sale = sale
		self.order_line = order_line
		self.line = line
		self.amount = sale.amount if order_line is None else number(order_line["amount"])

	def number(self, name):
		found = self.own_number(name)
		if name == "quantity":
			return Fraction(1) if found is None else max(found, Fraction(0))
		return found

	def own_number(self, name):
		if self.order_line is not None:
			if name in ("quantity", "cost"):
				return number(self.order_line.get(name))
			return number((self.order_line.get("attributes") or {}).get(name))
		found = number(self.sale.fact("attributes", {}).get(name))
		if found is None and name in ("quantity", "cost"):
			found = self.sum_of_lines(name)
		return found

	def sum_of_lines(self, name):
		values = [number(each.get(name)) for each in self.sale.fact("lines", [])]
		if name == "quantity":
			values = [Fraction(1) if v is None else v for v in values]
		if not values or None in values:
			return None
		return sum(values)

	def word(self, name):
		found = None
		if self.order_line is not None:
			if name == "product":
				found = self.order_line.get("product")
			else:
				found = (self.order_line.get("attributes") or {}).get(name)
		return self.sale.fact("attributes", {}).get(name) if found is None else found


def items(rule, sale):
	order_lines = sale.fact("lines", [])
	if rule.get("per") == "line" and order_lines:
		return [Item(sale, each, i) for i, each in enumerate(order_lines, 1)]
	return [Item(sale)]


# ----------------------------------------------------------------------- when

def matches_words(condition, found):
	if isinstance(condition, dict):
		return not matches_words(condition["not"], found)
	wanted = condition if isinstance(condition, list) else [condition]
	there = found if isinstance(found, list) else [found]
	there = [f for f in there if f is not None and not isinstance(f, (dict, list))]
	return bool({text(w) for w in wanted} & {text(f) for f in there})


def in_range(condition, value, read):
	if value is None:
		return False
	tests = {"from": lambda b: value >= b, "over": lambda b: value > b,
			 "to": lambda b: value <= b, "below": lambda b: value < b}
	return all(tests[key](read(boundary)) for key, boundary in condition.items())


def is_range(condition):
	return isinstance(condition, dict) and "not" not in condition


def needed(value, name):
	if value is None:
		raise MissingFact(name)
	return value


def holds_buyer_rank(condition, plan, sale):
	ranks = plan.get("ranks") or []
	rank = rank_at(plan, sale, 0)
	if isinstance(condition, dict) and "at_least" in condition:
		return rank is not None and ranks.index(rank) >= ranks.index(condition["at_least"])
	return matches_words(condition, rank)


def holds_condition(key, condition, plan, sale, item):
	if key in ("product", "category", "tag", "region", "channel"):
		return matches_words(condition, item.word(key))
	if key == "currency":
		return matches_words(condition, sale.currency)
	if key == "buyer_rank":
		return holds_buyer_rank(condition, plan, sale)
	if key == "amount":
		return in_range(condition, item.amount, number)
	if key == "order_amount":
		return in_range(condition, sale.amount, number)
	if key == "quantity":
		return in_range(condition, item.number("quantity"), number)
	if key == "order_number":
		return in_range(condition, Fraction(needed(sale.counter(key), key)), number)
	if key == "first_order":
		return (needed(sale.counter("order_number"), "order_number") == 1) == condition
	if key == "time":
		return in_range(condition, time(needed(sale.fact("occurred_at"), "occurred_at")), time)
	if key == "attributes":
		return all([in_range(c, item.number(name), number) if is_range(c)
					else matches_words(c, item.word(name))
					for name, c in condition.items()])
	raise KeyError(key)


# In the order in which they are looked at; after the first that does not hold,
# no counter is needed any more.
CONDITIONS = ["product", "category", "tag", "region", "channel", "attributes", "currency",
			  "buyer_rank", "amount", "order_amount", "quantity", "order_number", "first_order", "time"]


def holds(when, plan, sale, item):
	return all(holds_condition(key, when[key], plan, sale, item)
			   for key in CONDITIONS if when and key in when)


def count_conditions(when):
	return sum(len(c) if key == "attributes" else 1 for key, c in when.items())


# ---------------------------------------------------------------- the members

def rank_at(plan, sale, level):
	rank = sale.ranks[level] if level < min(len(sale.ranks), len(sale.path)) else None
	return rank if rank in (plan.get("ranks") or []) else None


def state_at(sale, level):
	state = sale.states[level] if level < len(sale.states) else None
	return state or "active"


# ------------------------------------------------------------ the calculation

class Calculation:
	def __init__(self, plan, sale):
		self.plan = plan
		self.sale = sale
		self.lines = []
		self.height = len(sale.path) - 1	# the level of the root
		declared = (plan.get("currencies") or {}).get(sale.currency, {})
		self.scale = declared.get("scale")
		if self.scale is None:
			self.scale = 2 if sale.currency is None else ISO_SCALE[sale.currency]
		self.rounding = declared.get("rounding") or plan.get("rounding") or "half_up"

	def round(self, value):
		return round_to(value, self.scale, self.rounding)

	def person(self, level):
		"""Who stands at a level; None above the root."""
		if level > self.height:
			return None
		return Person(level, self.sale.path[-1 - level],
					  state_at(self.sale, level), rank_at(self.plan, self.sale, level))

	def rank_index(self, rank):
		return -1 if rank is None else self.plan["ranks"].index(rank)

	def paid(self, rules, line):
		"""What rules that have run pay for an item."""
		return [each for each in self.lines
				if each.rule in rules and each.line == line and each.reason == "paid"]

	def run(self):
		in_order = sorted(self.plan["rules"], key=lambda rule: rule.get("priority") or 0)
		for rule in in_order:
			self.run_rule(rule)
		self.guard()
		return self.lines

	def run_rule(self, rule):
		if self.already_paid(rule):
			self.lines.append(Line(rule["name"], 0, reason="already_paid"))
			return
		of_rule = []
		for item in items(rule, self.sale):
			of_item = self.run_item(rule, item)
			self.residue(rule, of_item)
			of_rule += of_item
		self.limits(rule, of_rule)
		self.lines += of_rule

	def run_item(self, rule, item):
		refusal, sources, base = self.applies(rule, item)
		if refusal:
			return [Line(rule["name"], item.line, reason=refusal)]
		application = KINDS[rule["kind"]](self, rule, item, sources, base)
		try:
			application.run()
			return application.lines
		except PaysNobody as refusal:
			return [Line(rule["name"], item.line, reason=str(refusal))]

	# Step 1.

	def already_paid(self, rule):
		counters = self.sale.fact("counters", {})
		applied = (counters.get("applied") or {}).get(rule["name"]) or 0
		return rule.get("once_per_buyer") is True and applied > 0

	def applies(self, rule, item):
		"""Why a rule does not apply to an item; else where its rates are
		looked for, in order, and its base."""
		if not holds(rule.get("when"), self.plan, self.sale, item):
			return "not_applicable", None, None
		sources = self.sources(rule, item)
		if sources[0].get("pays") is False:
			return "opted_out", None, None
		base = self.base(rule, item)
		if base is None:
			return "no_base", None, None
		return None, sources, base

	def sources(self, rule, item):
		"""Where rates are looked for.  A variant that pays nothing ends the
		search, and is the end of the list."""
		found = []
		for variant in sorted(rule.get("variants") or [], key=lambda v: -count_conditions(v["when"])):
			if holds(variant["when"], self.plan, self.sale, item):
				found.append(variant)
				if variant.get("pays") is False:
					return found
		return found + [rule]

	def base(self, rule, item):
		if rule["kind"] == "override":
			return Fraction(0)
		base = rule.get("base") or "amount"
		if isinstance(base, str):
			base = {"of": base}
		if "rule" in base:
			return sum((each.amount for each in self.paid([base["rule"]], item.line)
						if base.get("level") in (None, each.stands_at)), Fraction(0))
		value = self.base_of(base.get("of") or "amount", item)
		if value is None:
			return None
		for sign, names in ((-1, base.get("less")), (1, base.get("plus"))):
			for name in names or []:
				value += sign * (item.number(name) or 0)
		value = max(value, Fraction(0))
		if base.get("min") is not None:
			value = max(value, number(base["min"]))
		if base.get("max") is not None:
			value = min(value, number(base["max"]))
		if base.get("above") is not None:
			value = max(value - number(base["above"]), Fraction(0))
		return value

	def base_of(self, name, item):
		if name == "amount":
			return item.amount
		if name == "profit":
			cost = item.number("cost")
			return None if cost is None else item.amount - cost
		return item.number(name)

	# Step 3.

	def residue(self, rule, of_item):
		taker = rule.get("residue") or "house"
		payments = [each for each in of_item if each.reason in ("paid", "rounds_to_zero")]
		if taker == "house" or not payments:
			return
		total = self.round(sum(each.exact for each in payments))
		if taker == "largest_remainder":
			amounts = largest_remainder([each.exact for each in payments], total, self.scale)
			for each, amount in zip(payments, amounts):
				each.amount = amount
		else:
			difference = total - sum(each.rounded for each in payments)
			for each in payments if taker == "first" else reversed(payments):
				amount = max(each.rounded + difference, Fraction(0))
				difference -= amount - each.rounded
				each.amount = amount
		for each in payments:
			each.reason = "paid" if each.amount > 0 else "rounds_to_zero"
			if each.amount != each.rounded:
				each.limited_by = "residue"

	# Step 4.

	def limits(self, rule, of_rule):
		currency = self.sale.currency
		minimum = money(rule.get("min_payable"), currency)
		paid_in_all = Fraction(0)
		paid_to = {}
		for each in of_rule:
			if each.reason != "paid":
				continue
			if minimum is not None and each.amount < minimum:
				each.amount = Fraction(0)
				each.reason = "below_minimum"
				continue
			for name in CAPS:
				cap = money((rule.get("caps") or {}).get(name), currency)
				if cap is None:
					continue
				used = paid_in_all if name == "sale" else paid_to.get(each.member, Fraction(0))
				left = cap - used - self.earned(rule, name, each.member)
				left = max(round_down(left, self.scale), Fraction(0))
				if each.amount > left:
					each.amount = left
					each.limited_by = name
			if each.amount == 0:
				each.reason = "capped"
			paid_in_all += each.amount
			paid_to[each.member] = paid_to.get(each.member, Fraction(0)) + each.amount

	def earned(self, rule, cap, member):
		if cap in ("sale", "member_sale"):
			return Fraction(0)
		counters = self.sale.fact("counters", {})
		of_rule = (counters.get("earned") or {}).get(rule["name"]) or {}
		return number((of_rule.get(cap) or {}).get(str(member))) or Fraction(0)

	# After all rules.

	def guard(self):
		guard = self.plan.get("guard") or {}
		share = guard.get("max_share")
		share = Fraction(1) if share is None else percentage(share)
		limit = round_down(share * self.sale.amount, self.scale)
		payments = [each for each in self.lines if each.reason == "paid"]
		total = sum(each.amount for each in payments)
		if total <= limit:
			return
		if guard.get("excess") == "priority":
			amounts = self.cut_backwards([each.amount for each in payments], total - limit)
		else:
			amounts = largest_remainder(
				[each.amount * limit / total for each in payments], limit, self.scale)
		for each, amount in zip(payments, amounts):
			if amount != each.amount:
				each.amount = amount
				each.limited_by = "guard"
			if amount == 0:
				each.reason = "guard"

	@staticmethod
	def cut_backwards(amounts, excess):
		amounts = list(amounts)
		for i in reversed(range(len(amounts))):
			cut = min(excess, amounts[i])
			amounts[i] -= cut
			excess -= cut
		return amounts


# ------------------------------------------------------------- step 2, shared

class PaysNobody(Exception):
	"""The rule turns out not to pay anybody here, for this reason."""


class Application:
	"""A rule at work on an item.  The kinds below say who stands at which
	level; here is what is common to them."""

	def __init__(self, calculation, rule, item, sources, base):
		self.calculation = calculation
		self.sale = calculation.sale
		self.rule = rule
		self.item = item
		self.sources = sources
		self.base = base
		self.lines = []
		compression = rule.get("compression") or {}
		self.mode = compression.get("mode") or "none"
		self.rolls_up = compression.get("skipped_level") == "rolls_up"	# never of override
		self.sponsor_exempt = compression.get("sponsor_exempt") is True

	# Rates.

	def has(self, key):
		"""Does anything that is asked say this?"""
		return any(source.get(key) is not None for source in self.sources)

	def count(self, key):
		return max(len(source.get(key) or []) for source in self.sources)

	def find(self, key, rank, index=None):
		"""The first value for a rank among the variants and the rule."""
		for source in self.sources:
			rate = source.get(key)
			if index is not None:
				rate = rate[index] if rate is not None and index < len(rate) else None
			rate = self.resolve(rate, rank)
			if rate is not None:
				return rate
		return None

	def opted_out(self):
		"""Is this how a search for a rate ends?"""
		return self.sources[-1].get("pays") is False

	def resolve(self, rate, rank):
		if isinstance(rate, dict) and "by_rank" in rate:
			by_rank = rate["by_rank"]
			rate = by_rank[rank] if rank in by_rank else by_rank.get("*")
		if rate is None:
			return None
		if isinstance(rate, dict):
			fixed = money(rate["fixed"], self.sale.currency)
			return None if fixed is None else Rate(fixed=fixed)
		return Rate(percent=percentage(rate))

	def chooser(self, person):
		"""Whose rank chooses among by_rank.  Where nobody stands, it is as if
		somebody without rank stood there."""
		rank = person.rank if person else None
		rank_of = self.rule.get("rank_of") or "recipient"
		buyer = rank_at(self.calculation.plan, self.sale, 0)
		if rank_of == "buyer":
			return buyer
		if rank_of == "lower":
			return min(rank, buyer, key=self.calculation.rank_index)
		return rank

	def rate(self, number, person):
		"""The rate with a number in "levels"; 0 is "self"."""
		if number == 0:
			return self.find("self", self.chooser(person))
		return self.find("levels", self.chooser(person), number - 1)

	def uplifted(self, rate, person):
		by_rank = self.rule.get("uplift_by_rank")
		if rate is None or not by_rank:
			return rate
		rank = person.rank if person else None
		uplift = by_rank[rank] if rank in by_rank else by_rank.get("*")
		return rate if uplift is None else rate.times(1 + percentage(uplift))

	def exact(self, rate, base):
		if rate.percent is not None:
			return rate.percent * base
		return rate.fixed * self.units() if self.rule.get("per_unit") else rate.fixed

	def units(self):
		return self.item.number("quantity")

	def shown_base(self, rate, base):
		"""What the result says that a rate was applied to."""
		if rate.percent is not None:
			return base
		return self.units() if self.rule.get("per_unit") else None

	# Who is qualified.

	def exempt(self, person):
		return self.sponsor_exempt and person.level == 1

	def rank_too_low(self, person):
		index = self.calculation.rank_index
		minimum = self.rule.get("min_rank")
		return minimum is not None and index(person.rank) < index(minimum)

	def depth_locked(self, person, number):
		depths = self.rule.get("depth_by_rank")
		if not depths or number == 0:
			return False
		depth = depths[person.rank] if person.rank in depths else depths.get("*")
		return depth is not None and depth < number

	def qualified(self, person, number):
		return self.exempt(person) or not (
			self.rank_too_low(person) or self.depth_locked(person, number))

	def skipped(self, person, number, rate):
		"""Does compression skip the member?"""
		if self.mode == "none" or person.level == 0 or self.exempt(person):
			return False
		if person.state != "active":
			return True
		return self.mode == "dynamic" and (
			not self.qualified(person, number) or rate is None)

	def why_not(self, person, number, rate, need_qualification=True):
		"""The first reason for which a member is not paid."""
		if person is None:
			return "no_upline"
		if rate is not None and rate.is_zero():
			return "zero_rate"
		if person.state != "active":
			return person.state
		if self.above_max_level(person):
			return "above_max_level"
		if need_qualification and not self.exempt(person):
			if self.rank_too_low(person):
				return "rank_too_low"
			if self.depth_locked(person, number):
				return "depth_locked"
		if rate is None:
			return "opted_out" if self.opted_out() else "no_rate"
		if self.double_dip(person):
			return "double_dip"
		return None

	def above_max_level(self, person):
		highest = (self.calculation.plan.get("compliance") or {}).get("max_level")
		return highest is not None and person.level is not None and person.level > highest

	def double_dip(self, person):
		"""Has another rule of the group paid the member?"""
		group = self.rule.get("group")
		if group is None:
			return False
		others = [each["name"] for each in self.calculation.plan["rules"]
				  if each.get("group") == group]
		return any(each.member == person.member and each.reason == "paid"
				   for each in self.calculation.lines if each.rule in others)

	# Lines.

	def add(self, level, person, reason=None, basis=0, base=None, rate=None, exact=None):
		"""A line; with a reason it is not paid."""
		line = Line(self.rule["name"], self.item.line, level,
					person.member if person else None, basis, base, rate, exact)
		if reason is None:
			line.rounded = line.amount = self.calculation.round(line.exact)
			reason = "paid" if line.amount > 0 else "rounds_to_zero"
		line.reason = reason
		self.lines.append(line)
		return line

	def pay(self, level, person, number, rate, base, basis=0, need_qualification=True):
		reason = self.why_not(person, number, rate, need_qualification)
		rate = self.uplifted(rate, person)
		if rate is None:
			return self.add(level, person, reason, basis)
		return self.add(level, person, reason, basis, self.shown_base(rate, base),
						rate.percent, self.exact(rate, base))

	def upline(self, start, limit=None):
		"""The members above a level, up to the root."""
		top = self.calculation.height
		for level in range(start + 1, top + 1 if limit is None else min(top, limit) + 1):
			yield self.calculation.person(level)

	# Compression, for the kinds that count levels.

	def walk(self, count, base):
		"""Pay the levels 1 to count; yields for each (number, line), the line
		that has the level's money."""
		if self.rolls_up:
			yield from self.walk_rolls_up(count, base)
		else:
			yield from self.walk_reused(0, count, base)

	def walk_reused(self, start, count, base, basis=0):
		"""Levels are counted from start, a real level."""
		level, number = start, 1
		while number <= count:
			level += 1
			person = self.calculation.person(level)
			rate = self.rate(number, person)
			if person and self.skipped(person, number, rate):
				self.add(level, person, "skipped")
				continue
			yield number, self.pay(level, person, number, rate, base, basis)
			number += 1

	def walk_rolls_up(self, count, base):
		for number in range(1, count + 1):
			yield number, self.pay_rolling_up(number, number, base)

	def pay_rolling_up(self, level, number, base):
		"""Pay who stands at a level or, if it is skipped, the nearest above."""
		person = self.calculation.person(level)
		rate = self.rate(number, person)
		if not person or not self.skipped(person, number, rate):
			return self.pay(level, person, number, rate, base)
		self.add(level, person, "skipped")
		for above in self.upline(level):
			rate = self.rate(number, above)
			if not self.skipped(above, number, rate):
				return self.pay(above.level, above, number, rate, base, level + 1)
			self.add(above.level, above, "skipped")
		return self.pay(self.calculation.height + 1, None, number, self.rate(number, None),
						base, level + 1)


# ------------------------------------------------------------------ the kinds

class Unilevel(Application):
	def run(self):
		if self.has("self"):
			buyer = self.calculation.person(0)
			self.pay(0, buyer, 0, self.rate(0, buyer), self.base)
		for _ in self.walk(self.count("levels"), self.base):
			pass


# The reasons for which the share of a level goes to somebody else.
NOT_PAID = ("no_upline", "frozen", "left", "above_max_level", "rank_too_low", "depth_locked",
			"double_dip")


class Split(Application):
	def run(self):
		budget = self.find("budget", None)
		if budget is None:
			raise PaysNobody("opted_out" if self.opted_out() else "no_base")
		self.budget = self.exact(budget, self.base)
		self.missing = self.rule.get("missing") or "house"
		self.left_over = []				# for "last": (number, line)
		if self.has("self"):
			buyer = self.calculation.person(0)
			rate = self.rate(0, buyer)
			self.fill(0, self.pay(0, buyer, 0, rate, self.budget), rate)
		for number, line in self.walk(self.count("levels"), self.budget):
			who = None if line.reason == "no_upline" else self.calculation.person(line.level)
			self.fill(number, line, self.rate(number, who))
		self.fill_last()

	def fill(self, number, line, rate):
		"""Where a level is not paid: who gets its share."""
		if line.reason not in NOT_PAID or rate is None or rate.is_zero():
			return
		if self.missing == "rolls_up":
			self.give(number, line, rate, self.nearest(number, line.level))
		elif self.missing == "last":
			self.left_over.append((number, line, rate))
		elif self.missing != "house":
			self.give_named(number, line, rate, self.missing["member"])

	def nearest(self, number, level):
		for above in self.upline(level):
			if (above.state == "active" and self.qualified(above, number)
					and not self.above_max_level(above) and not self.double_dip(above)):
				return above
		return None

	def give(self, number, line, rate, person):
		if person is not None:
			self.pay(person.level, person, number, rate, self.budget, line.basis or line.level + 1)
			line.take_money("moved")

	def give_named(self, number, line, rate, member):
		person = Person(None, member, "active", None)
		if member in self.sale.path:
			person = self.calculation.person(len(self.sale.path) - 1 - self.sale.path.index(member))
		if person.state != "active" or self.above_max_level(person) or self.double_dip(person):
			return
		given = self.pay(line.level, person, number, rate, self.budget,
						 line.basis or line.level + 1, need_qualification=False)
		given.to_named = True
		line.take_money("moved")

	def fill_last(self):
		paid = [each.level for each in self.lines if each.reason == "paid"]
		if not paid:
			return
		for number, line, rate in self.left_over:
			self.give(number, line, rate, self.calculation.person(max(paid)))


class Override(Application):
	def run(self):
		income = {}						# by level, of those whom the rules have paid
		for each in self.calculation.paid(self.rule["of"], self.item.line):
			if each.stands_at is not None:
				income[each.level] = income.get(each.level, Fraction(0)) + each.amount
		for level in range(self.calculation.height + 1):
			base = income.get(level, Fraction(0))
			if base == 0:
				continue
			for _ in self.walk_reused(level, self.count("levels"), base, basis=level + 1):
				pass
			if self.rule.get("on_itself"):
				income = self.with_own(income, level + 1)

	def with_own(self, income, basis):
		for each in self.lines:
			if each.basis == basis and each.reason == "paid":
				income[each.level] = income.get(each.level, Fraction(0)) + each.amount
		return income


class Differential(Application):
	def run(self):
		self.slices = "slices" in self.rule
		self.key = "slices" if self.slices else "rates"
		self.highest = Rate(percent=Fraction(0))	# of all below
		self.passed = -1				# slices: the highest rank below
		self.own = Fraction(0)			# deduct: the parts of all below
		own_self = self.rule.get("self") or "ignored"
		people = [] if own_self == "ignored" else list(self.upline(-1, 0))
		for person in people + list(self.upline(0, self.rule.get("max_level"))):
			if self.visit(person, own_self == "counted" and person.level == 0):
				break

	def visit(self, person, silent):
		"""Pay one member or not; true at the top."""
		rate = self.find(self.key, person.rank)
		if self.skipped(person, person.level, rate):
			self.add(person.level, person, "skipped")
			return False
		part = self.part(person, rate) if rate is not None else None
		if not self.qualified(person, person.level) or rate is None:
			if not silent:
				self.add(person.level, person, self.why_not(person, person.level, self.due(rate, part)))
			return False
		line = None if silent else self.pay_part(person, rate, part)
		if part is not None:
			# Only what is paid is rounded.
			paid = line is not None and line.reason in ("paid", "rounds_to_zero")
			self.own += self.calculation.round(part[1]) if paid else part[1]
		return self.pass_by(person, rate)

	def pay_part(self, person, rate, part):
		reason = self.why_not(person, person.level, self.due(rate, part))
		if part is None or reason == "zero_rate":
			return self.add(person.level, person, reason or "not_above")
		percent, exact = part
		if percent is None:
			base = self.shown_base(rate if rate.percent is None else Rate(fixed=exact), self.base)
		else:
			base = self.base
		return self.add(person.level, person, reason, base=base, rate=percent, exact=exact)

	def due(self, rate, part):
		"""Who is due the slices of others is not paid zero, whatever its own."""
		return Rate(fixed=part[1]) if self.slices and part and part[1] > 0 else rate

	def part(self, person, rate):
		"""What the member gets, as (rate, exact); None: it is not above."""
		if self.slices:
			return self.part_of_slices(person, rate)
		exact = self.exact(rate, self.base)
		if self.rule.get("deduct") is not None:
			percent = rate.percent
			exact -= self.own + sum(
				each.amount for each in self.calculation.paid(self.rule["deduct"], self.item.line)
				if each.stands_at is not None and each.stands_at <= person.level)
		else:
			percent = None
			if rate.percent is not None and self.highest.percent is not None:
				percent = rate.percent - self.highest.percent
			exact -= self.exact(self.highest, self.base)
		return (percent, exact) if exact > 0 else None

	def part_of_slices(self, person, rate):
		index = self.calculation.rank_index(person.rank)
		if index <= self.passed:
			return None
		parts = [rate]
		if self.rule.get("gap_filling") is not False:
			ranks = self.calculation.plan["ranks"][self.passed + 1:index + 1]
			parts = [r for r in (self.find("slices", rank) for rank in ranks) if r is not None]
		percent = None if any(r.percent is None for r in parts) else sum(r.percent for r in parts)
		return percent, sum(self.exact(r, self.base) for r in parts)

	def pass_by(self, person, rate):
		"""The member has been passed, paid or not; is it the top?"""
		ranks = [None] + (self.calculation.plan.get("ranks") or [])
		values = [(self.find(self.key, rank), rank) for rank in ranks]
		values = [(value, rank) for value, rank in values if value is not None]
		if self.slices:
			self.passed = max(self.passed, self.calculation.rank_index(person.rank))
			return self.passed >= max(self.calculation.rank_index(rank) for _, rank in values)
		if self.exact(rate, self.base) > self.exact(self.highest, self.base):
			self.highest = rate
		top = max(self.exact(value, self.base) for value, _ in values)
		return self.exact(rate, self.base) >= top


class Peer(Application):
	def run(self):
		self.rank = None				# the highest so far
		self.first = None				# who has it first
		self.previous = None			# and who had it last
		self.place = 0					# how many of its peers there were
		lowest = -1 if self.rule.get("self") == "counted" else 0
		for person in self.upline(lowest, self.rule.get("max_level")):
			self.visit(person)

	def take_place(self, person):
		"""Who of the highest rank is here: "first", "peer" or "lower"."""
		index = self.calculation.rank_index
		if index(person.rank) > index(self.rank):
			self.rank, self.first, self.place = person.rank, person, 0
			return "first"
		if person.rank is None or index(person.rank) < index(self.rank):
			return "lower"
		self.place += 1
		return "peer"

	def visit(self, person):
		same = person.rank is not None and person.rank == self.rank
		number = self.place + 1
		rate = self.rate(number, person) if same else None
		# Only who would be a peer can lack a value.
		has_value = rate is not None or not same or number > self.count("levels")
		if self.skipped(person, person.level, rate if not has_value else Rate(fixed=Fraction(1))):
			self.add(person.level, person, "skipped")
			return
		kind = self.take_place(person)
		if kind == "first":
			self.add(person.level, person, "first_of_rank")
		elif kind == "lower":
			self.add(person.level, person, "rank_too_low")
		elif number > self.count("levels"):
			self.add(person.level, person, "no_more_peers")
		else:
			self.pay_peer(person, rate)
		if kind != "lower":
			self.previous = person

	def pay_peer(self, person, rate):
		of = self.rule.get("of") or "order"
		if of == "order":
			self.pay(person.level, person, person.level, rate, self.base)
		else:
			source = self.first if of == "first_peer" else self.previous
			self.pay(person.level, person, person.level, rate, self.income(source), source.level + 1)

	def income(self, person):
		"""What the rules in "income" have paid somebody, at its level."""
		return sum((each.amount for each in self.calculation.paid(self.rule["income"], self.item.line)
					if each.stands_at == person.level), Fraction(0))


class PassUp(Application):
	def run(self):
		if self.calculation.height <= 0 or not self.passes(0):
			self.give("keep", 1)
		elif not self.rule.get("chain"):
			self.give("retain", 1)
			self.give("pass", 2)
		else:
			self.give("retain", 1)
			self.run_chain()

	def run_chain(self):
		top = self.calculation.height
		highest = self.rule.get("max_level") or top
		level = 2
		while level <= min(top, highest) and self.passes(level - 1):
			level += 1
		if level == top + 1 and self.rule.get("at_root") != "house":
			# Nobody keeps it: the root does, also where that is level 1.
			self.give("pass", top, basis=3 if top == 1 else 0)
		else:
			self.give("pass", level)

	def passes(self, level):
		"""Does the upline of the member at a level pass up what comes from it?"""
		if self.rule.get("counter") == "orders":
			count = needed(self.sale.counter("order_number"), "order_number")
		else:
			numbers = self.sale.counter("recruit_numbers") or []
			count = needed(numbers[level] if level < len(numbers) else None, "recruit_numbers")
		return count <= self.rule["passes"]

	def give(self, key, level, basis=0):
		if not self.has(key):
			return
		person = self.calculation.person(level)
		if level > (self.rule.get("max_level") or level):
			person = None
		self.pay(level, person, 0, self.find(key, self.chooser(person)), self.base, basis)


class Rotation(Application):
	def run(self):
		order = needed(self.sale.counter("order_number"), "order_number")
		levels = self.rule["levels"]
		if order > levels and self.rule.get("after") == "stop":
			raise PaysNobody("not_applicable")
		self.turn = (order - 1) % levels + 1
		if self.rolls_up:
			self.pay_rolling_up(self.turn, self.turn, self.base)
		else:
			self.run_reused()

	def rate(self, number, person):
		return self.find("rate", self.chooser(person))

	def run_reused(self):
		"""The orders before have gone to those below, none of them skipped."""
		level = number = 0
		while number < self.turn:
			level += 1
			person = self.calculation.person(level)
			rate = self.rate(number + 1, person)
			if not person or not self.skipped(person, number + 1, rate):
				number += 1
			elif number + 1 == self.turn:
				self.add(level, person, "skipped")
		self.pay(level, person, self.turn, rate, self.base)


KINDS = {"unilevel": Unilevel, "differential": Differential, "peer": Peer, "split": Split,
		 "override": Override, "pass_up": PassUp, "rotation": Rotation}


def lines(plan, sale):
	"""Every line of a sale, in order."""
	return Calculation(plan, sale).run()


def payments(all_lines):
	return [each for each in all_lines if each.reason == "paid"]
