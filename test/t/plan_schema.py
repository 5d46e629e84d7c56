"""Documents with what doc/plan.schema.json says of them, for 007_schema.pl.

Prints a line for each document: t (it is valid) or f, a tab, and the document
in one line.  The documents are the plans of doc/plan.md, those in the tests,
the ones below, and what becomes of the latter where each key is left out, each
value is replaced by values of other types, and each object gets one more key.

	plan_schema.py CHECKOUT
"""
import json
import pathlib
import re
import sys

import jsonschema

# Together they have every key.
PLANS = [
    {"description": "d", "ranks": ["silver", "gold"], "rounding": "half_even",
     "currencies": {"POINTS": {"scale": 0, "rounding": "down"}, "USD": {"scale": 4}, "EUR": {}},
     "guard": {"max_share": "45%", "excess": "priority"},
     "compliance": {"market": "CN", "max_level": 2, "max_share": 0.4, "recruiting": "allow"},
     "rules": [{"name": "a", "kind": "unilevel", "self": "1%",
                "levels": ["5%", 0.03, {"fixed": {"USD": 5, "POINTS": "100.5"}},
                           {"by_rank": {"gold": "8%", "silver": {"fixed": 3}, "*": 0}}]}]},
    {"ranks": ["silver", "gold"],
     "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"], "description": "d", "priority": -5, "group": "g",
                "per": "order", "once_per_buyer": True, "min_rank": "silver", "residue": "last",
                "min_payable": {"USD": 1}, "caps": {"sale": 1, "member_sale": "2", "member_day": 3, "member_week": 4,
                                                    "member_month": 5, "member_year": 6, "member_lifetime": {"EUR": 7}},
                "per_unit": True, "depth_by_rank": {"gold": 8, "*": 1}, "rank_of": "lower",
                "uplift_by_rank": {"gold": "1000%"},
                "compression": {"mode": "dynamic", "skipped_level": "rolls_up", "sponsor_exempt": True},
                "base": {"of": "profit", "less": ["tax"], "plus": ["tip"], "min": 1, "max": 100, "above": 0.5}}]},
    {"ranks": ["silver", "gold"],
     "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"],
                "when": {"product": ["tea", 42, True], "category": "food", "tag": {"not": ["new"]}, "region": "n",
                         "channel": {"not": "x"}, "currency": ["USD"], "buyer_rank": {"at_least": "gold"},
                         "attributes": {"color": "red", "weight": {"from": 1, "below": 2.5}, "size": {"not": 5}},
                         "amount": {"over": 50, "to": 100}, "order_amount": {"from": 1}, "quantity": {"to": 3},
                         "order_number": {"below": 3}, "first_order": True,
                         "time": {"from": "2026-11-11T00:00:00+08:00", "below": "2026-11-12 00:00Z"}}},
               {"name": "b", "kind": "unilevel", "levels": ["5%"], "when": {"buyer_rank": ["gold"], "currency": {"not": "USD"}}},
               {"name": "c", "kind": "unilevel", "levels": ["5%"], "when": {"buyer_rank": {"not": "gold"}}}]},
    {"ranks": ["gold"],
     "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"], "self": "1%",
                "variants": [{"when": {"tag": "a"}, "levels": ["8%", None, {"by_rank": {"gold": None}}], "self": None},
                             {"when": {"tag": "b"}, "pays": False}, {"when": {"attributes": {"x": 1}}, "pays": True, "self": "1%"}]}]},
    {"ranks": ["gold"],
     "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"]},
               {"name": "b", "kind": "differential", "rates": {"by_rank": {"gold": "7%"}}, "self": "paid", "deduct": ["a"],
                "gap_filling": True, "max_level": 5, "compression": {"mode": "standard", "sponsor_exempt": False},
                "variants": [{"when": {"tag": "a"}, "rates": {"by_rank": {"gold": None, "*": "1%"}}}]},
               {"name": "c", "kind": "differential", "slices": {"by_rank": {"gold": {"fixed": 2}}}, "gap_filling": False,
                "self": "counted", "variants": [{"when": {"tag": "a"}, "slices": {"by_rank": {"*": "1%"}}, "rates": None}]}]},
    {"ranks": ["gold"],
     "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"]},
               {"name": "b", "kind": "peer", "levels": ["10%"], "of": "first_peer", "income": ["a"], "self": "counted",
                "variants": [{"when": {"tag": "a"}, "levels": ["1%"]}]},
               {"name": "c", "kind": "peer", "levels": [{"fixed": 1}], "of": "order", "max_level": 3}]},
    {"ranks": ["gold"],
     "rules": [{"name": "a", "kind": "split", "budget": "40%", "self": "10%",
                "levels": ["50%", {"by_rank": {"gold": "30%"}}], "missing": {"member": 42}, "rank_of": "buyer",
                "variants": [{"when": {"tag": "a"}, "budget": {"fixed": 5}, "self": None, "levels": ["1%"]}]},
               {"name": "b", "kind": "split", "budget": {"fixed": 5}, "levels": ["50%"], "missing": "rolls_up"}]},
    {"rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"]},
               {"name": "b", "kind": "override", "of": ["a"], "levels": ["10%"], "on_itself": True,
                "compression": {"mode": "standard"}, "variants": [{"when": {"tag": "a"}, "levels": ["1%"]}]},
               {"name": "c", "kind": "unilevel", "levels": ["5%"], "base": {"rule": "a", "level": 1}}]},
    {"rules": [{"name": "a", "kind": "pass_up", "passes": 2, "keep": "40%", "retain": "10%", "pass": "30%", "max_level": 9,
                "counter": "recruits", "chain": True, "at_root": "house",
                "variants": [{"when": {"tag": "a"}, "keep": "1%", "retain": None, "pass": "1%"}]},
               {"name": "b", "kind": "pass_up", "passes": 0, "pass": "5%", "counter": "orders", "at_root": "root", "chain": False}]},
    {"rules": [{"name": "a", "kind": "rotation", "rate": "10%", "levels": 3, "after": "stop", "base": "profit",
                "variants": [{"when": {"tag": "a"}, "rate": "5%"}]}]},
]

OTHER_VALUES = [None, True, 0, 1, 0.5, -1, "", "x", "5%", "101%", [], ["x"], [None], {}, {"x": 1}]


def mutations(value, place, whole):
    """The document with this value replaced, and each of its parts."""
    def put(new):
        node = whole
        if not place:
            return new
        copy = json.loads(json.dumps(whole))
        node = copy
        for step in place[:-1]:
            node = node[step]
        if new is mutations:
            del node[place[-1]]
        else:
            node[place[-1]] = new
        return copy

    for other in OTHER_VALUES:
        if other != value or type(other) is not type(value):
            yield put(other)
    if place:
        yield put(mutations)
    if isinstance(value, dict):
        yield put({**value, "unknown": 1})
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield from mutations(part, place + [step], whole)


def plans_of_page(text):
    for block in re.findall(r"```json\n(.*?)```", text, re.S):
        plan = json.loads(block)
        if "rules" in plan:
            yield plan
        elif "kind" in plan:
            yield {"rules": [plan]}


def plans_of_test(text):
    for literal in re.findall(r"'(\{(?:[^']|'')*\})'", text):
        try:
            plan = json.loads(literal.replace("''", "'"))
        except ValueError:
            continue
        if "rules" in plan:
            yield plan


def documents(checkout):
    yield from plans_of_page((checkout / "doc/plan.md").read_text(encoding="utf-8"))
    for test in sorted((checkout / "test/sql").glob("*.sql")):
        yield from plans_of_test(test.read_text(encoding="utf-8"))
    for plan in PLANS:
        yield plan
        yield from mutations(plan, [], plan)


def main(checkout):
    schema = json.loads((checkout / "doc/plan.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    seen = set()
    for document in documents(checkout):
        text = json.dumps(document)
        if text in seen or "\\u0000" in text:
            continue
        seen.add(text)
        print("t" if validator.is_valid(document) else "f", text, sep="\t")


main(pathlib.Path(sys.argv[1]))
