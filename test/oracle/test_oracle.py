"""The oracle pays what the examples of doc/plan.md say.

	python3 test/oracle/test_oracle.py
"""

import json
import os
import re
import sys
import unittest
from decimal import Decimal
from fractions import Fraction

import oracle

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc", "plan.md")


def parse(text):
	return json.loads(text, parse_float=Decimal)


def examples():
	"""The JSON examples of the page that are whole plans, or a whole rule;
	each by the name of its first rule."""
	with open(PAGE, encoding="utf-8") as page:
		blocks = re.findall(r"^```json\n(.*?)^```", page.read(), re.S | re.M)
	found = {}
	for block in blocks:
		document = parse(block)
		if "kind" in document:
			document = {"rules": [document]}
		if "rules" in document:
			found.setdefault(document["rules"][0]["name"], []).append(document)
	return found


EXAMPLES = examples()


def example(name, *contains):
	"""The one plan that begins with a rule of that name and says all that."""
	[plan] = [p for p in EXAMPLES[name] if all(c in json.dumps(p, default=str) for c in contains)]
	return plan


class Examples(unittest.TestCase):
	def pays(self, plan, path, amount, expected, **facts):
		"""expected: "rule:member amount, ..." in the order of the payments."""
		sale = oracle.Sale([int(m) for m in path.split(".")], Fraction(Decimal(amount)), **facts)
		paid = [f"{p.rule}:{p.member} {Decimal(p.amount.numerator) / p.amount.denominator}"
				for p in oracle.payments(oracle.lines(plan, sale))]
		wanted = [e.strip() for e in expected.split(",") if e.strip()]
		normal = lambda rows: [re.sub(r"(\.\d*?)0+$", r"\1", r).rstrip(".") if "." in r else r for r in rows]
		self.assertEqual(normal(paid), normal(wanted))

	def test_first_page(self):
		plan = example("sales", "differential", "first_peer")
		self.pays(plan, "1.2.3", 100, "sales:3 10, sales:2 5, sales:1 3, team:2 4, team:1 3",
				  ranks=[None, "silver", "gold"])

	def test_rules(self):
		self.pays(example("sales", "loyalty"), "1.2", 100, "sales:1 10, loyalty:2 1, loyalty:1 2")

	def test_currencies(self):
		plan = example("sales", "POINTS")
		self.pays(plan, "1.2", "12.35", "", currency="POINTS")
		self.pays(plan, "1.2", "12.35", "sales:1 0.6175", currency="USD")
		self.pays(plan, "1.2", "12.35", "sales:1 0.62", currency="EUR")

	def test_guard(self):
		plan = example("gift")
		self.pays(plan, "1.2.3", 60, "gift:2 4, gift:1 2")
		plan["guard"]["excess"] = "priority"
		self.pays(plan, "1.2.3", 60, "gift:2 6")

	def test_by_rank(self):
		self.pays(example("sales", "junior"), "1.2.3.4.5", 100, "sales:4 4, sales:3 3, sales:2 2",
				  ranks=[None, None, "junior", "mid"])

	def test_group(self):
		self.pays(example("enroller"), "1.2.3", 100, "enroller:2 30, matrix:1 20")

	def test_variants(self):
		plan = example("sales", "voucher")
		for attributes, expected in (
				({}, "sales:2 5, sales:1 3"),
				({"category": "food"}, "sales:2 8, sales:1 3"),
				({"category": "food", "region": "north"}, "sales:2 12"),
				({"product": "voucher"}, "")):
			self.pays(plan, "1.2.3", 100, expected, facts={"attributes": attributes})

	def test_base(self):
		self.pays(example("net"), "1.2.3", 100, "net:2 8, reward:1 1.6",
				  facts={"attributes": {"tax": 15, "shipping": 5}})

	def test_compression(self):
		plan = example("sales", "standard")
		frozen = [None, "frozen"]
		self.pays(plan, "1.2.3.4.5", 100, "sales:3 10, sales:2 5, sales:1 3", states=frozen)
		plan["rules"][0]["compression"]["skipped_level"] = "rolls_up"
		self.pays(plan, "1.2.3.4.5", 100, "sales:3 10, sales:3 5, sales:2 3", states=frozen)
		plan["rules"][0]["compression"] = {"mode": "none"}
		self.pays(plan, "1.2.3.4.5", 100, "sales:3 5, sales:2 3", states=frozen)

	def test_residue(self):
		self.pays(example("quarter"), "1.2.3.4.5", "301.50",
				  "quarter:4 75.38, quarter:3 75.38, quarter:2 75.38, quarter:1 75.36")

	def test_levels(self):
		plans = EXAMPLES["sales"]
		[plan] = [p for p in plans if list(p["rules"][0]) == ["name", "kind", "levels"]
				  and p["rules"][0]["levels"] == ["20%", "5%", "3%"]]
		self.pays(plan, "1.2.3.4", 100, "sales:3 20, sales:2 5, sales:1 3")
		self.pays(plan, "1.2.3", 100, "sales:2 20, sales:1 5")

	def test_self(self):
		[plan] = [p for p in EXAMPLES["sales"] if p["rules"][0].get("self") == "20%"]
		self.pays(plan, "1.2.3", 100, "sales:3 20, sales:2 5, sales:1 3")

	def test_differential(self):
		plan = example("team", "bronze")
		ranks = [None, "bronze", "gold", "silver", "gold"]
		self.pays(plan, "1.2.3.4.5.6", 100, "team:5 10, team:4 10", ranks=ranks)
		del plan["rules"][0]["rates"]
		plan["rules"][0]["slices"] = {"by_rank": {
			"bronze": {"fixed": 1}, "silver": {"fixed": 2}, "gold": {"fixed": 3}}}
		self.pays(plan, "1.2.3.4.5.6", 100, "team:5 1, team:4 5", ranks=ranks)

	def test_deduct(self):
		self.pays(example("sales", "division"), "1.2.3.4", 100,
				  "sales:4 10, sales:3 5, division:2 25, division:1 20",
				  ranks=[None, None, "agent", "division"])

	def test_peer(self):
		[plan] = [p for p in EXAMPLES["team"] if len(p["rules"]) == 2]
		self.pays(plan, "1.2.3.4.5", 100, "team:4 10, team:3 5, peer:2 0.5, peer:1 0.25",
				  ranks=[None, "silver", "gold", "gold", "gold"])

	def test_split(self):
		self.pays(example("pool"), "1.2.3", 100, "pool:2 20, pool:1 12, pool:9 8")

	def test_override(self):
		self.pays(example("sales", "match"), "1.2.3.4", 100, "sales:3 21, match:2 4.2, match:1 0.63",
				  ranks=[None, None, "b", "a"])

	def test_pass_up(self):
		plan = example("two_up")
		for recruit, expected in ((1, "two_up:200 10, two_up:1 30"), (2, "two_up:200 10, two_up:1 30"),
								  (3, "two_up:200 40")):
			self.pays(plan, "1.200.301", 100, expected,
					  facts={"counters": {"recruit_numbers": [recruit]}})

	def test_rotation(self):
		for order, expected in ((1, "turn:3 10"), (2, "turn:2 10"), (3, "turn:1 10"), (4, "turn:3 10")):
			self.pays(example("turn"), "1.2.3.4", 100, expected,
					  facts={"counters": {"order_number": order}})

	def test_missing_counter(self):
		with self.assertRaises(oracle.MissingFact):
			self.pays(example("turn"), "1.2.3.4", 100, "")

	def test_uplift(self):
		plan = parse('{"ranks": ["gold"], "rules": [{"name": "sales", "kind": "unilevel", '
					 '"levels": ["10%"], "uplift_by_rank": {"gold": "10%"}}]}')
		self.pays(plan, "1.2", 100, "sales:1 11", ranks=[None, "gold"])

	def test_priority(self):
		self.pays(example("bonus"), "1.2", 100, "sales:1 10, bonus:1 5")

	def test_per_line(self):
		lines = parse('[{"product": "tea", "amount": 60}, {"product": "cup", "amount": 35}]')
		self.pays(example("tea"), "1.2", 95, "tea:1 6", facts={"lines": lines})

	def test_when(self):
		facts = {"occurred_at": "2026-11-11T00:00:00Z", "attributes": {"channel": "app", "coupon": Decimal(5)}}
		self.pays(example("november"), "1.2", 60, "november:1 6", facts=facts)
		self.pays(example("november"), "1.2", 40, "", facts=facts)
		del facts["attributes"]["coupon"]
		self.pays(example("november"), "1.2", 60, "", facts=facts)
		facts["attributes"] = {"channel": "web", "coupon": Decimal(5)}
		self.pays(example("november"), "1.2", 60, "", facts=facts)

	def test_per_unit(self):
		self.pays(example("bottle"), "1.2", 100, "bottle:1 6", facts={"attributes": {"quantity": Decimal(4)}})

	def test_rank_of(self):
		self.pays(example("sales", "rank_of"), "1.2", 100, "sales:1 5", ranks=["silver", "gold"])
		self.pays(example("sales", "rank_of"), "1.2", 100, "sales:1 8", ranks=["gold", "gold"])

	def test_min_rank(self):
		self.pays(example("sales", "min_rank"), "1.2.3", 100, "sales:1 3", ranks=[None, None, "gold"])

	def test_depth_by_rank(self):
		self.pays(example("sales", "depth_by_rank"), "1.2.3.4", 100, "sales:3 5, sales:1 2",
				  ranks=[None, None, None, "gold"])

	def test_once_per_buyer(self):
		self.pays(example("welcome"), "1.2", 40, "")
		self.pays(example("welcome"), "1.2", 80, "welcome:1 10")
		self.pays(example("welcome"), "1.2", 90, "",
				  facts={"counters": {"applied": {"welcome": Decimal(1)}}})

	def test_min_payable(self):
		self.pays(example("sales", "min_payable"), "1.2.3", 8, "sales:2 0.4", currency="USD")
		self.pays(example("sales", "min_payable"), "1.2.3", 8, "sales:2 0.4, sales:1 0.08", currency="EUR")

	def test_caps(self):
		self.pays(example("sales", "caps"), "1.2.3", 400, "sales:2 40, sales:1 5")
		self.pays(example("sales", "caps"), "1.2.3", 400, "sales:2 2, sales:1 20",
				  facts=parse('{"counters": {"earned": {"sales": {"member_month": {"2": 98}}}}}'))

	def test_max_level(self):
		self.pays(example("team", "max_level"), "1.2.3.4", 100, "team:2 4", ranks=[None, None, "silver", "gold"])

	def test_compliance(self):
		self.pays(example("sales", "compliance"), "1.2.3.4", 100, "sales:3 5, sales:2 3")

	def test_every_example_is_tested(self):
		"""A new example on the page needs a test here."""
		self.assertEqual({name: len(plans) for name, plans in EXAMPLES.items()}, {
			"sales": 16, "gift": 1, "enroller": 1, "net": 1, "quarter": 1, "team": 3,
			"pool": 1, "two_up": 1, "turn": 1, "bonus": 1, "tea": 1, "november": 1, "bottle": 1,
			"welcome": 1})


if __name__ == "__main__":
	sys.exit(not unittest.main(exit=False, verbosity=1).result.wasSuccessful())
