"""Compares distributor.explain_commissions() and commissions() with the oracle.

	DISTRIBUTOR_SEED	of the random cases; printed
	DISTRIBUTOR_CASES	how many; 2000
	DISTRIBUTOR_SHOW	after how many differing cases to stop; 3

Runs psql, which finds the server by PGHOST, PGPORT, PGUSER and PGDATABASE; the
extension must be installed there.  Fails if any case differs, if a plan is
refused, or if an answer breaks a law that needs no oracle.
"""

import copy
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from time import sleep

import oracle
from generate import Case, Generator

BATCH = 500
COLUMNS = ["rule", "line", "level", "member_id", "basis", "base", "rate", "exact", "amount",
		   "reason", "limited_by"]
# The rows of commissions() by the columns of explain_commissions().
PAYMENT = [COLUMNS.index(c) for c in
		   ("rule", "level", "member_id", "base", "rate", "amount", "line", "basis")]

# How the server calls what is missing or refused.
FACTS = {"order_number": "order number", "recruit_numbers": "recruit numbers", "occurred_at": "time",
		 "plan": "plan", "amount": "amount", "currency": "currency", "state": "state"}

PREPARE = """
SET client_min_messages = warning;
CREATE TEMP TABLE cases (id int, plan text, path text, amount numeric, currency text,
						 states text[], ranks text[], sale text);
-- One case, whatever happens: {"lines": [...], "payments": [...]} or the error.
CREATE FUNCTION pg_temp.answer(c cases) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
BEGIN
	RETURN json_build_object(
		'lines', (SELECT coalesce(json_agg(json_build_array(
					rule, line, level, member_id, basis, base::text, rate::text, exact::text,
					t.amount::text, reason, limited_by) ORDER BY n), '[]')
				  FROM distributor.explain_commissions(c.plan::jsonb, c.path::distributor.refpath, c.amount,
						c.currency, c.states, c.ranks, c.sale::jsonb) WITH ORDINALITY
					AS t (rule, line, level, member_id, basis, base, rate, exact, amount, reason,
						  limited_by, explanation, n)),
		'payments', (SELECT coalesce(json_agg(json_build_array(
					rule, level, member_id, base::text, rate::text, t.amount::text, line, basis)
					ORDER BY n), '[]')
				  FROM distributor.commissions(c.plan::jsonb, c.path::distributor.refpath, c.amount,
						c.currency, c.states, c.ranks, c.sale::jsonb) WITH ORDINALITY
					AS t (rule, level, member_id, base, rate, amount, line, basis, n)));
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN json_build_object('sqlstate', SQLSTATE, 'message', message, 'detail', detail);
END $$;
"""


# ------------------------------------------------------------------- the server

class ServerLost(Exception):
	"""It crashed, or psql did."""


class Server:
	"""One psql, fed with batches of cases."""

	def __init__(self):
		self.connect()

	def connect(self):
		self.psql = subprocess.Popen(
			["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"],
			stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
		self.psql.stdin.write(PREPARE)

	def answers(self, cases):
		try:
			answers = self.ask(cases)
		except BrokenPipeError:
			answers = []
		if len(answers) != len(cases):
			raise ServerLost(f"{len(answers)} of {len(cases)} cases are answered")
		return answers

	def ask(self, cases):
		write = self.psql.stdin.write
		write("TRUNCATE cases;\nCOPY cases FROM STDIN;\n")
		for i, case in enumerate(cases):
			write("\t".join([str(i)] + [copy_field(f) for f in columns(case)]) + "\n")
		write("\\.\nSELECT pg_temp.answer(c) FROM cases c ORDER BY id;\n")
		# Flushes psql's own output, too.
		write("\\echo done\n")
		self.psql.stdin.flush()
		answers = []
		for line in self.psql.stdout:
			if line == "done\n":
				break
			answers.append(json.loads(line))
		return answers

	def reconnect(self):
		"""After a crash, once the server has recovered."""
		self.psql.kill()
		self.psql.wait()
		for _ in range(300):
			if subprocess.run(["pg_isready", "-q"], check=False).returncode == 0:
				self.connect()
				return
			sleep(0.1)
		sys.exit("the server crashed, and does not come back")

	def close(self):
		self.psql.stdin.close()
		self.psql.stdout.close()
		self.psql.wait()


def columns(case):
	def unless_null(write, value):
		return None if value is None else write(value)
	return [unless_null(dump, case.plan), unless_null(lambda path: ".".join(map(str, path)), case.path),
			unless_null(str, case.amount), case.currency, unless_null(array, case.states),
			unless_null(array, case.ranks), unless_null(dump, case.facts)]


def copy_field(field):
	return "\\N" if field is None else field.replace("\\", "\\\\")


def array(elements):
	return "{" + ",".join("NULL" if e is None else f'"{e}"' for e in elements) + "}"


def dump(value):
	"""JSON, in which a Decimal keeps its digits."""
	if isinstance(value, dict):
		return "{" + ", ".join(f"{json.dumps(k)}: {dump(v)}" for k, v in value.items()) + "}"
	if isinstance(value, list):
		return "[" + ", ".join(map(dump, value)) + "]"
	return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)


# -------------------------------------------------------------------- rows

def decimal(value, scale=None):
	"""An exact fraction as decimal digits; trailing zeros only up to scale."""
	if value is None:
		return None
	digits = scale or 0
	while (value * 10 ** digits).denominator != 1:
		digits += 1
	units = str(int(value * 10 ** digits)).rjust(digits + 1, "0")
	return units if digits == 0 else f"{units[:-digits]}.{units[-digits:]}"


def normal(number_text):
	"""The server's digits without trailing zeros."""
	return None if number_text is None else decimal(Fraction(Decimal(number_text)))


def server_rows(answer):
	"""base, rate and exact by value; the amount with its scale."""
	return [row[:5] + [normal(n) for n in row[5:8]] + row[8:] for row in answer["lines"]]


def oracle_answer(case):
	"""The rows as the server should give them, or the SQLSTATE."""
	try:
		oracle.check_arguments(case.plan, case.amount, case.currency, case.states)
		if case.path is None or case.amount is None:
			return []
		sale = oracle.Sale(case.path, Fraction(case.amount), case.currency, case.states or [],
						   case.ranks or [], case.facts)
		calculation = oracle.Calculation(case.plan, sale)
		lines = calculation.run()
	except oracle.Refused as refused:
		return f"{refused.sqlstate} {refused}"
	return [[each.rule, each.line, each.level, each.member, each.basis, decimal(each.base),
			 decimal(each.rate), decimal(each.exact), decimal(each.amount, calculation.scale),
			 each.reason, each.limited_by] for each in lines]


def difference(case, answer):
	"""What is wrong with an answer, as a few words and for people; None: nothing."""
	expected = oracle_answer(case)
	if "sqlstate" in answer:
		error = f"{answer['sqlstate']} {answer['message']} {answer['detail'] or ''}"
		if isinstance(expected, str):
			sqlstate, fact = expected.split()
			if error.startswith(sqlstate) and FACTS[fact] in error:
				return None
		unnamed = re.sub('"[^"]*"', '"..."', answer["message"])
		return f"error: {unnamed}", f"oracle: {expected}\nserver: {error}"
	if isinstance(expected, str):
		return "no error", f"oracle: {expected}\nserver: {server_rows(answer)}"
	rows = server_rows(answer)
	if rows != expected:
		return kind_of_difference(case, expected, rows), side_by_side(expected, rows)
	broken = broken_law(case, answer) if rows else None
	return broken and (broken, f"server: {rows}\npayments: {answer['payments']}")


def kind_of_difference(case, expected, rows):
	"""The kind of the rule and the column where the first row differs."""
	kinds = {rule["name"]: rule["kind"] for rule in case.plan["rules"]}
	for ours, theirs in zip(expected, rows):
		if ours != theirs:
			column = next(i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b)
			reasons = f" ({ours[9]}, {theirs[9]})"
			return f"{kinds[ours[0]]}: {COLUMNS[column]}{reasons}"
	longer = (expected + rows)[min(len(expected), len(rows))] if len(rows) < len(expected) else rows[len(expected)]
	return f"{kinds[longer[0]]}: {'missing' if len(rows) < len(expected) else 'surplus'} row ({longer[9]})"


def side_by_side(expected, rows):
	out = []
	for i in range(max(len(expected), len(rows))):
		ours = expected[i] if i < len(expected) else None
		theirs = rows[i] if i < len(rows) else None
		if ours == theirs:
			out.append(f"  both    {show(ours)}")
		else:
			out += [f"> oracle  {show(ours)}", f"> server  {show(theirs)}"]
	return "\n".join(["          " + " | ".join(COLUMNS)] + out)


def show(row):
	return "-" if row is None else " | ".join("" if v is None else str(v) for v in row)


# --------------------------------------------- laws that hold without an oracle

def broken_law(case, answer):
	"""The name of the first law that an answer breaks."""
	rows = [dict(zip(COLUMNS, row)) for row in answer["lines"]]
	for row in rows:
		for name in ("base", "rate", "exact", "amount"):
			row[name] = None if row[name] is None else Fraction(Decimal(row[name]))
	paid = [row for row in rows if row["reason"] == "paid"]
	for name, holds in (
			("negative money", all((row[n] or 0) >= 0 for row in rows for n in ("base", "exact", "amount"))),
			("paid and only paid lines have an amount",
			 all((row["reason"] == "paid") == bool(row["amount"]) for row in rows)),
			("payments are not the paid lines",
			 answer["payments"] == [[row[i] for i in PAYMENT] for row in answer["lines"]
									if row[COLUMNS.index("reason")] == "paid"]),
			("above the guard", sum(row["amount"] for row in paid) <= guard_limit(case)),
			("paid outside the upline", all(row["member_id"] in payees(case, row["rule"]) for row in paid)),
			("the same member at the same level and basis twice", unique(paid))):
		if not holds:
			return name
	for rule in case.plan["rules"]:
		of_rule = [row for row in rows if row["rule"] == rule["name"]]
		for line in {row["line"] for row in of_rule}:
			broken = broken_conservation(rule, [row for row in of_rule if row["line"] == line])
			if broken:
				return broken
	return None


def guard_limit(case):
	share = (case.plan.get("guard") or {}).get("max_share", "100%")
	return oracle.percentage(share) * Fraction(case.amount)


def payees(case, name):
	[rule] = [r for r in case.plan["rules"] if r["name"] == name]
	named = rule.get("missing")
	return case.path + ([named["member"]] if isinstance(named, dict) else [])


def unique(paid):
	keys = [(row["rule"], row["line"], row["member_id"], row["level"], row["basis"]) for row in paid]
	return len(keys) == len(set(keys))


def broken_conservation(rule, rows):
	"""What is paid and what the house keeps is the declared share of the
	base, where a rule is simple enough to declare one."""
	bases = {row["base"] for row in rows if row["base"] is not None}
	exact = sum(row["exact"] or 0 for row in rows)
	if rule["kind"] == "split" and bases and exact > max(bases):
		return "a split gives away more than its budget"
	if rule.get("variants") or len(bases) != 1 or rule.get("uplift_by_rank"):
		return None
	[base] = bases
	if rule["kind"] in ("unilevel", "split") and rule.get("missing", "house") == "house":
		rates = [rule.get("self") or "0%"] + (rule.get("levels") or [])
		if not any(isinstance(rate, dict) for rate in rates):
			if exact != base * sum(oracle.percentage(rate) for rate in rates):
				return f"{rule['kind']}: the lines are not the declared share of the base"
	if rule["kind"] == "differential" and "rates" in rule and "deduct" not in rule:
		rates = list(rule["rates"]["by_rank"].values())
		if not any(isinstance(rate, dict) for rate in rates):
			if exact > base * max(oracle.percentage(rate) for rate in rates):
				return "differential: more than the highest rate"
	return None


# ------------------------------------------------------------------- shrinking

def shrink(server, case, kind):
	"""A smaller case that differs in the same way."""
	progress = True
	while progress:
		progress = False
		smaller = list(reductions(case))
		for i in range(0, len(smaller), BATCH):
			batch = [c for c in smaller[i:i + BATCH] if sound(c)]
			for candidate, answer in zip(batch, server.answers(batch)):
				found = difference(candidate, answer)
				if found and found[0] == kind:
					case, progress = candidate, True
					break
			if progress:
				break
	return case


def sound(case):
	"""Can the oracle calculate it at all?  It checks no plan."""
	try:
		oracle_answer(case)
		return True
	except Exception:
		return False


def reductions(case):
	"""The case without one of its parts, larger parts first."""
	for name in ("facts", "plan", "ranks", "states", "path"):
		whole = getattr(case, name)
		for place in sorted(places(whole), key=len):
			changed = copy.deepcopy(case)
			remove(changed, name, place)
			if changed.path or not case.path:
				yield changed
	for simple in (Decimal(100), Decimal(1)):
		if case.amount != simple and case.amount != 1:
			yield Case(case.plan, case.path, simple, case.currency, case.states, case.ranks, case.facts)


def places(value, at=()):
	"""The places of all parts of a document."""
	parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
	for key, part in parts:
		yield at + (key,)
		yield from places(part, at + (key,))


def remove(case, name, place):
	whole = getattr(case, name)
	for key in place[:-1]:
		whole = whole[key]
	del whole[place[-1]]


def find_crash(server, cases):
	"""The index of the first case that crashes the server."""
	for i, case in enumerate(cases):
		server.reconnect()
		try:
			server.answers([case])
		except ServerLost:
			return i
	return None


# ------------------------------------------------------------------------ main

def report(case, found, seed, nth):
	kind, comparison = found
	plan, path, amount, currency, states, ranks, facts = columns(case)
	print(f"--- case {nth} of seed {seed}: {kind}")
	print(f"plan:   {plan}")
	print(f"path {path}, amount {amount}, currency {currency}, states {states}, ranks {ranks}")
	print(f"sale:   {facts}")
	print(comparison, flush=True)


def main():
	seed = int(os.environ.get("DISTRIBUTOR_SEED") or random.randrange(1_000_000))
	wanted = int(os.environ.get("DISTRIBUTOR_CASES") or 2000)
	most = int(os.environ.get("DISTRIBUTOR_SHOW") or 3)
	print(f"seed {seed}, {wanted} cases: DISTRIBUTOR_SEED={seed} makes the same again", flush=True)
	generator = Generator(seed)
	server = Server()
	kinds, reasons, errors = Counter(), Counter(), 0
	for start in range(0, wanted, BATCH):
		cases = [generator.case() for _ in range(min(BATCH, wanted - start))]
		try:
			answers = server.answers(cases)
		except ServerLost as lost:
			i = find_crash(server, cases)
			if i is None:
				sys.exit(f"{lost}, and no case of the batch crashes the server alone")
			report(cases[i], ("the server is lost", str(lost)), seed, start + i)
			return 1
		for nth, (case, answer) in enumerate(zip(cases, answers), start):
			reasons.update(row[9] for row in answer.get("lines", []))
			errors += "sqlstate" in answer
			found = difference(case, answer)
			if not found:
				continue
			kinds[found[0]] += 1
			if kinds[found[0]] == 1:
				small = shrink(server, case, found[0])
				report(small, difference(small, server.answers([small])[0]), seed, nth)
		if len(kinds) >= most:
			break
	server.close()
	print("lines: " + ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
		  + f"; {errors} errors")
	for kind, count in kinds.most_common():
		print(f"{count} differ: {kind}")
	print(f"{wanted} cases agree" if not kinds else "not ok")
	return 1 if kinds else 0


if __name__ == "__main__":
	sys.exit(main())
