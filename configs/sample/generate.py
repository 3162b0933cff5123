#!/usr/bin/env python3
"""Write the sample tables bank.csv, tax.csv and social.csv: three institutions, overlapping invented people.

Usage:  python3 generate.py [DIRECTORY]      (default: the directory of this script)

Python's standard library only.  Every run writes the same bytes: one fixed seed, only random() is used of the
generator, and normal deviates are sums of uniform ones.  No person behind any row: ids use the region 9901RR, which is
not assigned to any place.
"""
import math
import os
import random
import sys

SEED = 20240607
BANK, TAX_SHARED, SOCIAL_SHARED, STRANGERS_BOTH, STRANGERS_TAX, STRANGERS_SOCIAL = 5000, 4300, 4200, 300, 400, 500
YEAR = 2024

rng = random.Random(SEED)


def uniform():
    return rng.random()


def normal():
    return sum(uniform() for _ in range(12)) - 6.0


def chance(p):
    return uniform() < p


def pick(weighted):
    """One key of {key: weight}."""
    left = uniform() * sum(weighted.values())
    for key, weight in weighted.items():
        left -= weight
        if left < 0:
            return key
    return key


def shuffled(rows):
    rows = list(rows)
    for i in range(len(rows) - 1, 0, -1):
        j = int(uniform() * (i + 1))
        rows[i], rows[j] = rows[j], rows[i]
    return rows


def clamp(x, low, high):
    return max(low, min(high, x))


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def count(mean, most):
    """A small non-negative whole number with about that mean."""
    n = 0
    while n < most and chance(mean / (mean + 1.0)):
        n += 1
    return n


def make_id(age, taken):
    """9901RR, birth date, three digits, check character (ISO 7064 MOD 11-2)."""
    while True:
        body = "9901%02d%04d%02d%02d%03d" % (1 + int(uniform() * 40), YEAR - age, 1 + int(uniform() * 12),
                                             1 + int(uniform() * 28), int(uniform() * 1000))
        rest = 0
        for digit in body:
            rest = (rest + int(digit)) * 2 % 11
        check = (12 - rest) % 11
        made = body + ("X" if check == 10 else str(check))
        if made not in taken:
            taken.add(made)
            return made


def person(taken):
    """One invented person: four hidden traits, and what follows from them at each institution."""
    age = int(clamp(40 + 11 * normal(), 20, 74))
    strain = normal()                         # spends more than comes in: shows at the bank
    means = normal()                          # earning power: shows in income and contributions
    order = normal()                          # how orderly affairs are kept: shows at the tax bureau
    steady = normal() + 0.3 * means           # steadiness of work: shows at social insurance
    p = {"id": make_id(age, taken), "age": age}

    # Bank
    p["education"] = pick({"primary": max(0.05, 0.6 - 0.3 * means), "secondary": 2.0,
                           "vocational": 1.2, "university": max(0.05, 1.6 + 0.9 * means),
                           "postgraduate": max(0.02, 0.3 + 0.35 * means)})
    p["housing"] = pick({"owner": 1.2 + 0.02 * (age - 30) if age > 30 else 0.6, "mortgage": 1.3, "tenant": 1.5,
                         "with family": 0.7 if age < 32 else 0.2})
    limit = 1000 * round(clamp(math.exp(10.6 + 0.35 * means + 0.5 * normal()) / 1000, 5, 500))
    use = clamp(sigmoid(-0.7 + 0.9 * strain + 0.8 * normal()) * 1.15, 0, 1.2)
    p["credit_limit"] = limit
    p["utilisation"] = round(use, 3)
    p["months_on_book"] = int(clamp(48 + 34 * normal() + 0.8 * (age - 40), 1, 240))
    late = clamp(math.exp(-1.1 + 0.8 * strain), 0.02, 6)
    p["delinquencies_12m"] = count(late, 6)
    p["inquiries_6m"] = count(0.8 + 0.35 * max(0.0, strain), 9)
    p["monthly_instalment"] = int(limit * use * (0.03 + 0.02 * uniform()))

    # Tax bureau
    owner = chance(0.16 + 0.05 * (age > 35))
    income = math.exp(11.25 + 0.42 * means + 0.28 * normal() + 0.15 * owner)
    p["declared_income"] = 100 * int(income / 100)
    p["income_change_pct"] = round(4 + 9 * normal() + 5 * order - 2 * strain, 1)
    p["tax_paid"] = int(max(0.0, income - 60000) * (0.07 + 0.03 * uniform()))
    delay = 6 * normal() - 11 * order - 4
    p["filing_delay_days"] = int(clamp(delay, 0, 180))
    p["late_filings_3y"] = count(clamp(math.exp(-1.3 - 0.9 * order), 0.02, 3), 3)
    p["business_owner"] = int(owner)
    p["vat_turnover"] = 1000 * int(math.exp(12.4 + 0.5 * means + 0.7 * normal()) / 1000) if owner else None
    p["sector"] = pick({"manufacturing": 2.2, "services": 2.4, "construction": max(0.1, 1.3 - 0.35 * order),
                        "retail": 1.6, "transport": 0.9, "public": max(0.1, 1.0 + 0.45 * order), "farming": 0.4,
                        "arts": 0.07})

    # Social insurance
    working = clamp((age - 20) * 12, 6, 480)
    p["contribution_months"] = int(clamp(working * sigmoid(0.9 + 1.0 * steady + 0.5 * normal()), 0, 480))
    p["contribution_base"] = 50 * int(clamp(income / 12 * (0.75 + 0.1 * normal()), 2500, 30000) / 50)
    p["employer_changes_5y"] = count(clamp(math.exp(-0.2 - 0.6 * steady), 0.02, 5), 8)
    gap = 5 * normal() - 7 * steady - 3
    p["unemployment_months_5y"] = int(clamp(gap, 0, 48))
    p["insured_type"] = pick({"employee": max(0.2, 5.0 + 1.2 * steady), "self-employed": 3.0 if owner else 0.5,
                              "flexible": max(0.1, 1.0 - 0.5 * steady), "resident": 0.6})
    p["dependants"] = count(0.9 if age > 28 else 0.2, 5)

    risk = (-2.36 + 0.95 * strain + 1.1 * (use - 0.4) - 0.5 * means - 0.98 * order - 1.02 * steady
            + 0.3 * owner * (order < 0) - 0.010 * (age - 40) + 0.12 * p["delinquencies_12m"])
    p["default"] = int(chance(sigmoid(risk)))
    return p


def blank(rows, column, share):
    """Lose some of the values, at random."""
    for row in rows:
        if chance(share):
            row[column] = None


def write(path, columns, rows, spell=lambda text: text):
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        out.write(",".join(columns) + "\n")
        for row in rows:
            cells = ["" if row[c] is None else str(row[c]) for c in columns]
            out.write(",".join([spell(cells[0])] + cells[1:]) + "\n")


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    taken = set()
    clients = [person(taken) for _ in range(BANK)]
    both = [person(taken) for _ in range(STRANGERS_BOTH)]
    tax = shuffled(clients)[:TAX_SHARED] + both + [person(taken) for _ in range(STRANGERS_TAX)]
    social = shuffled(clients)[:SOCIAL_SHARED] + both + [person(taken) for _ in range(STRANGERS_SOCIAL)]
    bank = [dict(p, currency="CNY") for p in clients]
    tax = [dict(p) for p in shuffled(tax)]
    social = [dict(p) for p in shuffled(social)]

    blank(bank, "education", 0.02)
    blank(bank, "monthly_instalment", 0.03)
    blank(tax, "income_change_pct", 0.05)
    blank(tax, "sector", 0.03)
    blank(social, "contribution_base", 0.04)
    blank(social, "employer_changes_5y", 0.02)
    # As in life: a few rows came twice, and one bureau writes the check character small.
    social[40:40] = social[10:15]

    write(os.path.join(directory, "bank.csv"),
          ["id", "age", "education", "housing", "credit_limit", "utilisation", "months_on_book", "delinquencies_12m",
           "inquiries_6m", "monthly_instalment", "currency", "default"], bank)
    write(os.path.join(directory, "tax.csv"),
          ["id", "declared_income", "income_change_pct", "tax_paid", "filing_delay_days", "late_filings_3y",
           "business_owner", "vat_turnover", "sector"], tax, str.lower)
    write(os.path.join(directory, "social.csv"),
          ["id", "contribution_months", "contribution_base", "employer_changes_5y", "unemployment_months_5y",
           "insured_type", "dependants"], social)


if __name__ == "__main__":
    main()
