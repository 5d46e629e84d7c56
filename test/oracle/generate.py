"""Random plans and sales: valid ones over every kind and key, small enough
that rules, limits and members meet.  Half of the cases have a theme, which
brings together what would seldom meet by itself.  The same seed makes the
same cases.

	Generator(seed).case()		a Case
"""

import random
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from oracle import CAPS, percentage, time

RANKS = ["bronze", "silver", "gold", "diamond"]
CURRENCIES = ["USD", "USD", "USD", "JPY", "KWD", "POINTS", "EUR", None, None]
VOCABULARY = {
	"product": ["tea", "cup", 42],
	"category": ["food", "tool"],
	"tag": ["new", "hot", ["new", "hot"]],
	"region": ["north", "south"],
	"channel": ["app", "web"],
	"vip": [True, False, "true"],
	"size": [42, "42", "large", ["large", 42, None, {"a": 1}], [], {}],
}
NUMBERS = {
	"tax": ["0", "1.5", "15", "2000"],
	"shipping": ["0.05", "5", "-3"],
	"list_price": ["120", "0", "99.995", "-20"],
	"cost": ["20", "0.333", "500"],
	"quantity": ["0", "1", "2", "2.5", "-1"],
}
PERCENTAGES = ["0%", "1%", "2%", "2.5%", "3%", "5%", "5%", "7%", "10%", "12.5%", "20%", "25%",
			   "0.125%", "3.33333333%", Decimal("0.05"), Decimal("0.1"), Decimal("0.0333333333")]
AMOUNTS = ["0", "0.01", "0.05", "0.15", "0.5", "1", "2.5", "9.99", "10", "12.35", "60", "60", "99.995",
		   "100", "100", "100.00", "250", "301.50", "1000", "1234.56", "1e-12", "1e30", "99999999999.99", "1e15"]
FIXED = [0, 1, 1, 2, 5, Decimal("0.05"), Decimal("2.5"), Decimal("0.005"), Decimal("8.80"), "3.333", 40]
ODD_NUMBERS = ["many", True, None, "", "1e3", "+5", " 5", "5.", ".5", "NaN", "1_000", "0x10", "-", "007",
			   "-0", "-7.50", [5], {"fixed": 5}]
TIMES = ["2026-11-11T10:00:00+08:00", "2026-11-11T02:00:00Z", "2026-05-05T12:30:00-05:00",
		 "2025-12-31T23:59:59.999Z", "2026-11-11 10:00+08:00", "2026-12-31T23:59-05:00"]
THEMES = ["groups", "lines", "bases", "chains", "shares", "residues", "guards", "deductions", "units",
		  "variants", "once", "depth", "nulls"]
THEME_KINDS = {
	"chains": ["pass_up", "pass_up", "override"], "shares": ["split", "split", "override", "unilevel"],
	"deductions": ["unilevel", "split", "pass_up", "differential", "differential"],
	"units": ["unilevel", "override", "pass_up", "rotation", "differential"],
}
# Rate keys of each kind, as variants may replace them.
RATE_KEYS = {
	"unilevel": ["self", "levels"], "differential": ["rates"], "peer": ["levels"],
	"split": ["budget", "self", "levels"], "override": ["levels"],
	"pass_up": ["keep", "retain", "pass"], "rotation": ["rate"],
}
HAS_BASE = {"unilevel", "differential", "peer", "split", "pass_up", "rotation"}
HAS_DEPTH = {"unilevel", "differential", "peer", "split", "override", "rotation"}
HAS_RANK_OF = {"unilevel", "split", "override", "pass_up", "rotation"}
HAS_UPLIFT = {"unilevel", "override", "pass_up", "rotation"}
HAS_MAX_LEVEL = {"differential", "peer", "pass_up"}


@dataclass
class Case:
	plan: dict
	path: list
	amount: Decimal
	currency: str
	states: list
	ranks: list
	facts: dict


class Generator:
	def __init__(self, seed):
		self.random = random.Random(seed)
		self.chance = lambda p: self.random.random() < p
		self.pick = self.random.choice

	def case(self):
		self.theme = self.pick(THEMES) if self.chance(0.5) else None
		case = self.sound_case()
		if self.chance(0.02):
			self.spoil(case)
		return case

	def spoil(self, case):
		"""One argument that is null or an error."""
		name, value = self.pick([
			("plan", None), ("path", None), ("path", []), ("amount", None), ("states", None), ("ranks", None),
			("amount", Decimal("NaN")), ("amount", Decimal("Infinity")), ("amount", Decimal("-0.01")),
			("currency", "XXQ"), ("currency", "usd"), ("currency", ""), ("states", [None, "gone"])])
		setattr(case, name, value)

	def sound_case(self):
		plan = self.plan()
		while worst_case(plan) > 10:	# no guard allows that
			plan = self.plan()
		path = self.path()
		states = self.by_level(len(path), [None] * 3 + ["active"] * 6
							   + ["frozen", "frozen", "left"] * (3 if self.theme == "shares" else 1))
		ranks = self.by_level(len(path), self.ranks * 4 + [None, None, "unknown"])
		facts = self.facts(plan, path)
		if self.theme == "bases" and self.chance(0.7):
			states = []
		if self.theme == "nulls":
			states, ranks = self.nullable(states), self.nullable(ranks)
		return Case(plan, path, self.amount(), self.currency, states, ranks, facts)

	# Plans.

	def plan(self):
		self.ranks = RANKS[:self.pick([0, 1, 2, 2, 3, 3, 4])]
		self.currency = None if self.theme == "nulls" else self.pick(CURRENCIES)
		rules = []
		for i in range(self.pick([2, 2, 3, 4, 6] if self.theme else [1, 1, 2, 2, 3, 4])):
			rules.append(self.rule(f"r{i + 1}", rules))
		if self.theme:
			for i, rule in enumerate(rules):
				earlier = [r["name"] for r in rules[:i] if r.get("per") == rule.get("per")]
				getattr(self, "theme_" + self.theme)(rule, earlier)
		plan = {"rules": self.prioritized(rules)}
		if self.ranks:
			plan["ranks"] = self.ranks
		if self.chance(0.3):
			plan["rounding"] = self.rounding()
		self.declare_currencies(plan)
		if self.chance(0.15):
			plan["compliance"] = {"max_level": self.pick([1, 2, 3, 5])}
		self.add_guard(plan)
		if self.chance(0.05):
			plan["description"] = "of no use"
		return plan

	def rounding(self):
		return self.pick(["half_up", "half_even", "down", "ceiling"])

	def declare_currencies(self, plan):
		declared = {}
		if self.currency == "POINTS" or self.chance(0.1):
			declared["POINTS"] = {"scale": self.pick([0, 0, 1, 5])}
		if self.currency == "EUR" or self.chance(0.1):
			declared["EUR"] = self.pick([{}, {"scale": 4}, {"scale": 0}, {"scale": 10}])
		for each in declared.values():
			if self.chance(0.5):
				each["rounding"] = self.rounding()
		if declared:
			plan["currencies"] = declared

	def prioritized(self, rules):
		"""The rules in the order of a document in which they run as given."""
		if self.chance(0.6):
			return rules
		priorities = sorted(self.pick([-1000, -5, 0, 0, 7]) for _ in rules)
		for rule, priority in zip(rules, priorities):
			if priority != 0 or self.chance(0.5):
				rule["priority"] = priority
		mixed = list(range(len(rules)))
		self.random.shuffle(mixed)
		# Those of the same priority run in the order of the document.
		places = {}
		for place, i in enumerate(mixed):
			places.setdefault(priorities[i], []).append(place)
		document = [None] * len(rules)
		for priority, where in places.items():
			same = [rule for rule, p in zip(rules, priorities) if p == priority]
			for place, rule in zip(where, same):
				document[place] = rule
		return document

	def add_guard(self, plan):
		"""The guard must allow the worst case that is certain; as little more
		as possible, so that fixed amounts and the like run into it."""
		worst = worst_case(plan)
		guard = {}
		if worst > 1 or self.chance(0.5):
			cent = Fraction(1, 100)
			share = max(worst, self.pick([0, cent, 5 * cent, 10 * cent, 30 * cent]))
			percent = -(-share * 100 // 1)
			guard["max_share"] = f"{percent}%"
			if percent < 100 and self.chance(0.2):
				guard["max_share"] = Decimal(percent) / 100
		if self.chance(0.4):
			guard["excess"] = self.pick(["proportional", "priority", "priority"])
		if guard:
			plan["guard"] = guard

	# Rules.

	def rule(self, name, earlier):
		per = "line" if self.theme == "lines" or self.chance(0.1 if self.theme == "bases" else 0.3) else "order"
		known = [r["name"] for r in earlier if r.get("per", "order") == per]
		kinds = ["unilevel", "unilevel", "split", "pass_up", "rotation"]
		if self.ranks:
			kinds += ["differential", "differential", "peer", "peer"]
		if known:
			kinds += ["override", "override"]
		if self.theme in THEME_KINDS:
			kinds = [k for k in kinds if k in THEME_KINDS[self.theme]]
		kind = self.pick(kinds)
		self.shares = None
		rule = {"name": name, "kind": kind}
		if per == "line" or self.chance(0.1):
			rule["per"] = per
		getattr(self, "make_" + kind)(rule, known)
		self.common(rule, kind, known)
		if self.chance(0.25):
			rule["variants"] = [self.variant(kind, rule) for _ in range(self.pick([1, 1, 2, 3]))]
		return rule

	# Themes: change a rule that is made.

	def theme_groups(self, rule, earlier):
		rule["group"] = "g"
		rule.pop("when", None)
		if rule["kind"] == "unilevel":
			rule["levels"] = [self.rate() for _ in range(4)]

	def theme_lines(self, rule, earlier):
		if self.chance(0.6):
			rule["caps"] = {name: self.sum_of_money() for name in self.some(["sale", "member_sale"] + CAPS)}
		if self.chance(0.4):
			rule["residue"] = self.pick(["first", "last", "largest_remainder"])

	def theme_bases(self, rule, earlier):
		if earlier and rule["kind"] in HAS_BASE and self.chance(0.8):
			rule["base"] = {"rule": self.pick(earlier)}
			if self.chance(0.4):
				rule["base"]["level"] = self.pick([0, 1, 1, 2, 3])
		# The first ones pay, so that there is a base.
		for key in ("when", "min_payable") + (() if earlier else ("min_rank", "caps", "once_per_buyer")):
			rule.pop(key, None)
		if rule["kind"] == "unilevel" and not earlier:
			rule.update({"self": "7%", "levels": ["20%", "12.5%", "10%"]})

	def theme_chains(self, rule, earlier):
		if rule["kind"] == "pass_up":
			rule.pop("counter", None)
			rule["passes"] = self.pick([1, 2, 3])
			rule["pass"] = rule.get("pass") or self.rate()
			rule["chain"] = True
			rule["at_root"] = self.pick(["root", "house"])

	def theme_shares(self, rule, earlier):
		if rule["kind"] != "split":
			return
		rule["missing"] = self.pick(["rolls_up", "last", {"member": self.pick([9, 1, 2, 3, 4, 5])}])
		if self.chance(0.5):
			rule["compression"] = {"mode": self.pick(["standard", "dynamic"]),
								   "skipped_level": self.pick(["reused", "rolls_up"])}
		if self.ranks and self.chance(0.4):
			rule["min_rank"] = self.pick(self.ranks)

	def theme_residues(self, rule, earlier):
		rule["residue"] = self.pick(["first", "last", "largest_remainder"])
		rule.pop("caps", None)
		rule.pop("min_payable", None)

	def theme_guards(self, rule, earlier):
		"""Of what is not certain to be below the sale's amount."""
		if rule["kind"] in HAS_BASE:
			rule["base"] = self.pick(["list_price", "profit", {"plus": ["shipping"]}, {"min": 50}])
		rule.pop("caps", None)

	def theme_deductions(self, rule, earlier):
		if self.chance(0.6):
			rule["group"] = "g"
		if "rates" in rule and earlier:
			rule["deduct"] = self.some(earlier)
			rule["self"] = self.pick(["paid", "paid", "counted", "ignored"])

	def theme_units(self, rule, earlier):
		if rule["kind"] in HAS_BASE:
			rule["per_unit"] = True
		if rule["kind"] in HAS_UPLIFT and self.ranks:
			rule["uplift_by_rank"] = self.named_ranks(lambda: self.pick(["10%", "12.5%", "1000%"]))
		for key in ["budget"] if rule["kind"] == "split" else RATE_KEYS[rule["kind"]]:
			if key == "levels" and key in rule:
				rule[key] = [self.fixed() if self.chance(0.6) else rate for rate in rule[key]]
			elif key != "rates" and key in rule and self.chance(0.6):
				rule[key] = self.fixed()

	def theme_variants(self, rule, earlier):
		count = len(rule["levels"]) if rule["kind"] == "split" else 0
		self.shares = [100 // (count + 1)] * (count + 1) if count else None
		rule["variants"] = [self.variant(rule["kind"], rule) for _ in range(self.pick([2, 3, 4]))]
		for variant in rule["variants"]:
			if self.chance(0.7):
				variant["when"] = self.pick([
					{"amount": {"from": 0}}, {"amount": {"from": 0}, "order_amount": {"from": 0}},
					{"attributes": {"nowhere": {"not": "x"}, "vip": {"not": "x"}}},
					{"channel": {"not": "x"}, "region": {"not": "x"}, "category": {"not": "x"}}])

	def theme_once(self, rule, earlier):
		rule["once_per_buyer"] = True

	def theme_depth(self, rule, earlier):
		if rule["kind"] in ("unilevel", "override", "peer"):
			rule["levels"] = [self.rate() for _ in range(self.pick([5, 12, 30]))]
		if "depth_by_rank" in rule:
			rule["depth_by_rank"] = self.named_ranks(lambda: self.pick([1, 5, 10, 20, 1000]))

	def theme_nulls(self, rule, earlier):
		self.theme_units(rule, earlier)
		if self.chance(0.5):
			rule.update({"caps": {"member_sale": {"USD": 1}}, "min_payable": {"USD": 5}})

	def make_unilevel(self, rule, known):
		count = self.pick([0, 1, 2, 3, 3, 5])
		if count == 0 or self.chance(0.3):
			rule["self"] = self.rate()
		if count:
			rule["levels"] = [self.rate() for _ in range(count)]

	def make_differential(self, rule, known):
		key = "slices" if self.chance(0.35) else "rates"
		rule[key] = self.by_rank(star=0.1)
		if key == "slices" and self.chance(0.5):
			rule["gap_filling"] = self.chance(0.3)
		if self.chance(0.5):
			rule["self"] = self.pick(["ignored", "paid", "paid", "counted"])
		if key == "rates" and known and self.chance(0.5):
			rule["deduct"] = self.some(known)

	def make_peer(self, rule, known):
		rule["levels"] = [self.rate() for _ in range(self.pick([1, 1, 2, 3]))]
		if known and self.chance(0.6):
			rule["of"] = self.pick(["first_peer", "previous_peer"])
			rule["income"] = self.some(known)
		elif self.chance(0.2):
			rule["of"] = "order"
		if self.chance(0.4):
			rule["self"] = self.pick(["ignored", "counted", "counted"])

	def make_split(self, rule, known):
		"""Shares of each level are at most what keeps the sum within 100 %,
		however ranks and variants mix."""
		count = self.pick([1, 2, 3, 4])
		self.shares = [100 // (count + 1)] * (count + 1)
		rule["budget"] = self.pick(PERCENTAGES[1:] + ["40%", self.fixed()])
		if self.chance(0.3):
			rule["self"] = self.share(0)
		rule["levels"] = [self.share(i + 1) for i in range(count)]
		if self.chance(0.7):
			rule["missing"] = self.pick(["house", "rolls_up", "rolls_up", "last", "last",
										 {"member": self.pick([9, 9, 1, 2, 3, 1000000])}])

	def make_override(self, rule, known):
		rule["of"] = self.some(known)
		rule["levels"] = [self.rate() for _ in range(self.pick([1, 1, 2, 3]))]
		if self.chance(0.4):
			rule["on_itself"] = self.chance(0.8)

	def make_pass_up(self, rule, known):
		rule["passes"] = self.pick([0, 1, 2, 2, 3])
		if self.chance(0.5):
			rule["counter"] = self.pick(["recruits", "orders"])
		for key in self.some(["keep", "retain", "pass", "pass"]):
			rule[key] = self.rate()
		if rule.get("counter") != "orders" and self.chance(0.6):
			rule["chain"] = self.chance(0.8)
			if rule["chain"] and self.chance(0.5):
				rule["at_root"] = self.pick(["root", "house"])

	def make_rotation(self, rule, known):
		rule["rate"] = self.rate()
		rule["levels"] = self.pick([1, 2, 3, 4])
		if self.chance(0.4):
			rule["after"] = self.pick(["repeat", "stop"])

	def common(self, rule, kind, known):
		if self.chance(0.3):
			rule["group"] = self.pick(["g", "g", "h"])
		if self.chance(0.25):
			rule["when"] = self.when()
		if kind in HAS_BASE and self.chance(0.35):
			rule["base"] = self.base(known)
		if kind in HAS_BASE and self.chance(0.2):
			rule["per_unit"] = self.chance(0.8)
		if kind in HAS_RANK_OF and self.chance(0.2):
			rule["rank_of"] = self.pick(["recipient", "buyer", "lower", "lower"])
		if self.ranks and self.chance(0.15):
			rule["min_rank"] = self.pick(self.ranks)
		if kind in HAS_DEPTH and self.chance(0.2):
			rule["depth_by_rank"] = self.named_ranks(lambda: self.pick([0, 1, 2, 3, 5]))
		if kind in HAS_UPLIFT and self.chance(0.15):
			rule["uplift_by_rank"] = self.named_ranks(
				lambda: self.pick(["0%", "10%", "12.5%", "150%", Decimal("0.2")]))
		if kind in HAS_DEPTH and self.chance(0.4):
			rule["compression"] = self.compression(kind)
		if self.chance(0.08):
			rule["once_per_buyer"] = self.chance(0.8)
		if self.chance(0.4):
			rule["residue"] = self.pick(["house", "first", "last", "largest_remainder", "largest_remainder"])
		if self.chance(0.12):
			rule["min_payable"] = self.sum_of_money()
		if self.chance(0.2):
			rule["caps"] = {name: self.sum_of_money()
							for name in self.some(["sale", "member_sale"] + CAPS)}
		if kind in HAS_MAX_LEVEL and self.chance(0.2):
			rule["max_level"] = self.pick([1, 2, 3, 6])

	def compression(self, kind):
		compression = {"mode": self.pick(["none", "standard", "standard", "dynamic", "dynamic"])}
		if kind not in ("differential", "peer", "override") and self.chance(0.5):
			compression["skipped_level"] = self.pick(["reused", "rolls_up", "rolls_up"])
		if self.chance(0.25):
			compression["sponsor_exempt"] = self.chance(0.8)
		return compression

	def variant(self, kind, rule):
		variant = {"when": self.when()}
		if self.chance(0.15):
			variant["pays"] = False
			return variant
		keys = ["slices"] if "slices" in rule else RATE_KEYS[kind]
		for key in self.some(keys):
			if self.chance(0.1) and len(keys) > 1:
				variant[key] = None
			elif key == "levels":
				count = len(self.shares) - 1 if self.shares else 4
				variant[key] = [self.nullable(self.share(i + 1) if self.shares else self.rate())
								for i in range(self.random.randint(1, count))]
			elif key in ("rates", "slices"):
				variant[key] = self.by_rank(star=0.1)
			elif key == "budget":
				variant[key] = self.pick(["10%", "0%", self.fixed()])
			elif self.shares:
				variant[key] = self.share(0)
			else:
				variant[key] = self.rate()
			self.forget_ranks(variant[key])
		return variant

	def forget_ranks(self, rate):
		"""Null for a rank: not said here."""
		if isinstance(rate, list):
			for each in rate:
				self.forget_ranks(each)
		elif isinstance(rate, dict) and "by_rank" in rate and self.chance(0.2):
			rate["by_rank"][self.pick(list(rate["by_rank"]))] = None

	def nullable(self, value):
		return None if self.chance(0.15) else value

	def base(self, known):
		if known and self.chance(0.25):
			base = {"rule": self.pick(known)}
			if self.chance(0.5):
				base["level"] = self.pick([0, 1, 2])
			return base
		if self.chance(0.3):
			return self.pick(["amount", "profit", "profit", "list_price", "quantity"])
		base = {}
		if self.chance(0.5):
			base["of"] = self.pick(["amount", "profit", "list_price"])
		for key in ("less", "plus"):
			if self.chance(0.3):
				base[key] = self.some(["tax", "shipping", "list_price", "cost", "quantity"])
		if self.chance(0.3):
			base["min"] = self.pick([0, 1, 50, Decimal("0.5")])
		if self.chance(0.3):
			base["max"] = self.pick([50, 60, 1000, Decimal("99.5")])
		if self.chance(0.3) or not base:
			base["above"] = self.pick([0, 10, 50, Decimal("0.05")])
		return base

	# Rates.

	def rate(self):
		if self.ranks and self.chance(0.3):
			return self.by_rank(star=0.5)
		return self.flat_rate()

	def flat_rate(self):
		return self.fixed() if self.chance(0.25) else self.pick(PERCENTAGES)

	def fixed(self):
		return {"fixed": self.sum_of_money()}

	def sum_of_money(self):
		if self.chance(0.7):
			return self.pick(FIXED)
		named = self.some(["USD", "JPY", "KWD", "CNY"] + [self.currency or "USD"] * 3)
		named = [code for code in named if code not in ("POINTS", "EUR")]
		return {code: self.pick(FIXED) for code in named or ["USD"]}

	def by_rank(self, star):
		return {"by_rank": self.named_ranks(self.flat_rate, star)}

	def share(self, i):
		"""A share of a split, as large as it may be or smaller."""
		def value():
			return f"{self.pick([0, 1, self.shares[i] // 2, self.shares[i], self.shares[i]])}%"
		if self.ranks and self.chance(0.25):
			return {"by_rank": self.named_ranks(value, 0.5)}
		return value()

	def named_ranks(self, value, star=0.4):
		names = self.some(self.ranks + self.ranks) if self.ranks else []
		if not names or self.chance(star):
			names.append("*")
		return {name: value() for name in names}

	def some(self, names):
		"""Some of them, at least one, in any order."""
		return list(dict.fromkeys(self.random.sample(names, self.random.randint(1, len(names)))))

	# Conditions.

	def when(self):
		keys = ["product", "category", "tag", "region", "channel", "attributes", "currency", "amount",
				"order_amount", "quantity", "order_number", "first_order", "time"]
		keys = self.some(keys + ["buyer_rank"] if self.ranks else keys)[:self.pick([1, 1, 1, 2])]
		return {key: self.condition(key) for key in keys}

	def condition(self, key):
		if key in VOCABULARY:
			return self.words(VOCABULARY[key])
		if key == "attributes":
			names = self.some(list(VOCABULARY) + ["tax", "list_price", "quantity", "cost"])[:self.pick([1, 1, 2])]
			return {name: self.range_of(NUMBERS[name]) if name in NUMBERS
					else self.words(VOCABULARY[name]) for name in names}
		if key == "currency":
			return self.words(["USD", "JPY", "KWD", "CNY"])
		if key == "buyer_rank":
			if self.chance(0.5):
				return {"at_least": self.pick(self.ranks)}
			return self.words(self.ranks)
		if key in ("amount", "order_amount"):
			return self.range_of(["0", "1", "9.99", "10", "50", "100"])
		if key == "quantity":
			return self.range_of(["0", "1", "2", "2.5"])
		if key == "order_number":
			return self.range_of(["1", "2", "3"])
		if key == "first_order":
			return self.chance(0.5)
		return self.range_of_times()

	def words(self, vocabulary):
		flat = [w for w in vocabulary if not isinstance(w, (list, dict))]
		words = self.pick(flat) if self.chance(0.6) else self.some(flat)
		return {"not": words} if self.chance(0.25) else words

	def range_of(self, boundaries):
		low, high = sorted([Decimal(self.pick(boundaries)), Decimal(self.pick(boundaries))])
		return self.range_between(low, high)

	def range_of_times(self):
		low, high = sorted(self.random.sample([
			"2026-01-01T00:00:00Z", "2026-11-11T00:00:00+08:00", "2026-11-11T02:00:00Z",
			"2026-12-31T23:59:59.5-05:00", "2026-02-01 00:00Z"], 2), key=time)
		return self.range_between(low, high)

	def range_between(self, low, high):
		condition = {}
		if self.chance(0.7):
			condition[self.pick(["from", "over"])] = low
		if not condition or self.chance(0.5):
			# Not an empty range, which nobody can mean.
			if high == low:
				condition = {"from": low, "to": high}
			else:
				condition[self.pick(["to", "below"])] = high
		return condition

	# Sales.

	def path(self):
		ids = list(range(1, 13)) + [1000000, 9223372036854775807]
		if self.theme == "depth":
			return self.random.sample(range(1, 10 ** 6), self.pick([10, 20, 40, 120]))
		return self.random.sample(ids, self.pick([1, 2, 3, 4, 5, 5, 6, 6, 7, 8, 9, 10]))

	def by_level(self, height, values):
		if self.chance(0.1):
			return []
		return [self.pick(values) for _ in range(self.pick([height, height, height, height + 1, height - 1]))]

	def amount(self):
		if self.chance(0.3):
			return Decimal(self.random.randint(0, 100000)).scaleb(-self.pick([0, 1, 2, 2, 3, 4]))
		if self.theme == "bases":
			return Decimal(self.random.randint(1, 10 ** 7)).scaleb(-2)
		if self.theme == "residues" and self.chance(0.5):
			return Decimal(self.random.randint(0, 2000)).scaleb(-2)
		return Decimal(self.pick(AMOUNTS))

	def facts(self, plan, path):
		if self.chance(0.03):
			return self.pick([None, {}])
		facts = {}
		if self.theme == "units" or self.chance(0.8):
			facts["attributes"] = self.attributes()
		if self.theme == "lines":
			facts["lines"] = [self.line() for _ in range(self.pick([2, 3, 6]))]
		elif self.chance(0.5):
			facts["lines"] = [self.line() for _ in range(self.pick([0, 1, 2, 2, 3]))]
		if self.chance(0.97):
			facts["occurred_at"] = self.pick(TIMES)
		if self.chance(0.98):
			facts["counters"] = self.counters(plan, path)
		if self.theme == "nulls" or self.chance(0.05):
			self.forget(facts)
		return facts

	def forget(self, facts):
		"""Null instead of one of the facts: the same as missing."""
		found = [(facts, key) for key in facts]
		for line in facts.get("lines") or []:
			found += [(line, key) for key in line if key != "amount"]
		for part in ("attributes", "counters"):
			found += [(facts[part], key) for key in facts.get(part) or {}]
		for caps in (facts.get("counters") or {}).get("earned", {}).values():
			found += [(caps, key) for key in caps]
		if found:
			whole, key = self.pick(found)
			whole[key] = None

	def attributes(self):
		found = {}
		for name, values in VOCABULARY.items():
			if self.chance(0.5):
				found[name] = self.pick(values)
		for name, values in NUMBERS.items():
			if self.chance(0.4):
				value = self.pick(values)
				found[name] = value if self.chance(0.2) else Decimal(value)
		if self.chance(0.05):
			found[self.pick(list(NUMBERS))] = self.pick(ODD_NUMBERS)
		return found

	def line(self):
		line = {"amount": self.pick([Decimal(a) for a in AMOUNTS[:-4]])}
		if self.chance(0.5):
			line["quantity"] = self.pick([0, 1, 2, 3, Decimal("2.5")])
		if self.chance(0.6):
			line["cost"] = self.pick([Decimal(c) for c in NUMBERS["cost"]])
		if self.chance(0.6):
			line["product"] = self.pick(["tea", "cup", "42"])
		if self.chance(0.2):
			line["key"] = self.pick(["a", "b"])
		if self.chance(0.4):
			line["attributes"] = self.attributes()
			for name in ("quantity", "cost", "product"):
				line["attributes"].pop(name, None)
		return line

	def counters(self, plan, path):
		names = [rule["name"] for rule in plan["rules"]]
		counters = {}
		if self.chance(0.98):
			counters["order_number"] = self.pick([1, 1, 2, 3, 4, 5, 17, 10 ** 9])
		if self.chance(0.98):
			numbers = [1, 1, 1, 2, 2, 3] if self.theme == "chains" else [1, 1, 2, 2, 3, 4]
			counters["recruit_numbers"] = [self.pick(numbers) for _ in path]
			if self.chance(0.02):
				counters["recruit_numbers"][self.random.randrange(len(path))] = None
			elif self.chance(0.02):
				counters["recruit_numbers"].pop()
		if self.chance(0.5):
			applied = [0, 0, 0, None, 1] if self.theme == "once" else [0, 1, 2]
			counters["applied"] = {name: self.pick(applied) for name in self.some(names)}
		if self.chance(0.6):
			counters["earned"] = {
				name: {cap: {str(member): self.pick(["0", "1", "2.5", "0.005", "4", 39, Decimal("1000.00")])
							 for member in self.some(path)} for cap in self.some(CAPS[2:])}
				for name in self.some(names)}
		return counters


# ---------------------------------------------------- what a plan could pay

def worst_case(plan):
	"""At least what every rule certainly pays in the worst case, as a share
	of the sale: the guard must not be below it."""
	always, sometimes = Fraction(0), Fraction(0)
	pays = {}
	for rule in sorted(plan["rules"], key=lambda r: r.get("priority") or 0):
		share = pays[rule["name"]] = worst_of_rule(rule, pays)
		if rule.get("when"):
			sometimes = max(sometimes, share)
		else:
			always += share
	return always + sometimes


def worst_of_rule(rule, pays):
	sources = [rule] + [v for v in rule.get("variants") or [] if v.get("pays") is not False]
	def highest(key):
		return max(largest_percentage(s.get(key)) for s in sources)
	def sum_of_levels():
		count = max(len(s.get("levels") or []) for s in sources)
		return sum(max(largest_percentage((s.get("levels") or [])[i:i + 1]) for s in sources)
				   for i in range(count))
	kind = rule["kind"]
	if kind == "unilevel":
		share = highest("self") + sum_of_levels()
	elif kind == "differential":
		share = highest("rates")
		share += sum(max(largest_percentage(of_rank((s.get("slices") or {"by_rank": {}})["by_rank"], rank))
						 for s in sources) for rank in RANKS + [None])
	elif kind == "peer":
		share = sum_of_levels() * len(RANKS)
	elif kind == "split":
		share = highest("budget")
	elif kind == "override":
		share = sum_of_levels() * sum(pays[name] for name in rule["of"])
		share *= 10 if rule.get("on_itself") else 1
	elif kind == "pass_up":
		share = max(highest("keep"), highest("retain") + highest("pass"))
	else:
		share = highest("rate")
	if not certain(rule):
		return Fraction(0)
	uplift = rule.get("uplift_by_rank") or {}
	return share * (1 + max([percentage(u) for u in uplift.values()] or [Fraction(0)]))


def certain(rule):
	"""Are its percentages of an amount that cannot be above the sale's?"""
	base = rule.get("base") or "amount"
	if isinstance(base, str):
		return base == "amount"
	return base.get("of", "amount") == "amount" and not {"rule", "plus", "min"} & set(base)


def of_rank(by_rank, rank):
	return by_rank[rank] if rank in by_rank else by_rank.get("*")


def largest_percentage(rate):
	if rate is None:
		return Fraction(0)
	if isinstance(rate, list):
		return max([largest_percentage(r) for r in rate] or [Fraction(0)])
	if isinstance(rate, dict):
		return max([largest_percentage(r) for r in rate.get("by_rank", {}).values()] or [Fraction(0)])
	return percentage(rate)
