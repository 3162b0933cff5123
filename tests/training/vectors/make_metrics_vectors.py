#!/usr/bin/env python3
"""Fixed vectors for test_metrics.c and test_reference.c from numpy, scipy and scikit-learn (apt: python3-sklearn).

Usage:  python3 make_metrics_vectors.py > metrics_vectors.h
"""
import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score, roc_curve

ROWS, BINS, RIDGE = 240, [4, 3, 5], 3e-3


def ints(name, values):
    print(f"static const uint8_t {name}[] = {{{', '.join(str(int(v)) for v in values)}}};")


def reals(name, values):
    print(f"static const double {name}[] = {{{', '.join(repr(float(v)) for v in values)}}};")


def real(name, value):
    print(f"static const double {name} = {float(value)!r};")


def platt(score, label):
    model = LogisticRegression(penalty=None, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(score.reshape(-1, 1), label)
    return model.coef_[0, 0], model.intercept_[0]


def main():
    rng = np.random.default_rng(20240229)
    codes = np.column_stack([rng.integers(0, b, ROWS) for b in BINS])
    codes[:, 1] = np.minimum(codes[:, 1], codes[:, 0])  # correlated columns
    truth = [rng.normal(0, 0.8, b) for b in BINS]
    z = -1.1 + sum(t[codes[:, c]] for c, t in enumerate(truth))
    label = (rng.random(ROWS) < expit(z)).astype(int)
    score = np.round(z * 8) / 8  # eighths: exact in binary, many ties

    print("/* Written by make_metrics_vectors.py with numpy, scipy and scikit-learn. */")
    print(f"enum {{ VECTOR_ROWS = {ROWS}, VECTOR_COLUMNS = {len(BINS)} }};")
    ints("vector_bins", BINS)
    ints("vector_codes", codes.ravel())
    ints("vector_label", label)
    reals("vector_score", score)

    fpr, tpr, _ = roc_curve(label, score, drop_intermediate=False)
    real("vector_auc", roc_auc_score(label, score))
    real("vector_ks", np.max(np.abs(tpr - fpr)))
    a, b = platt(score, label)
    real("vector_platt_a", a)
    real("vector_platt_b", b)
    prob = expit(a * score + b)
    real("vector_platt_logloss", log_loss(label, prob))
    real("vector_platt_brier", brier_score_loss(label, prob))
    even, odd = platt(score[0::2], label[0::2]), platt(score[1::2], label[1::2])
    cross = np.where(np.arange(ROWS) % 2 == 0, expit(odd[0] * score + odd[1]), expit(even[0] * score + even[1]))
    real("vector_cross_logloss", log_loss(label, cross))

    onehot = np.column_stack([codes[:, c] == k for c, n in enumerate(BINS) for k in range(n)]).astype(float)
    model = LogisticRegression(C=1 / (RIDGE * ROWS), solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(onehot, label)
    real("vector_ridge", RIDGE)
    reals("vector_exact_weight", model.coef_[0])
    real("vector_exact_intercept", model.intercept_[0])
    design = np.column_stack([onehot, np.ones(ROWS)])
    penalty = np.diag([RIDGE] * onehot.shape[1] + [0.0])
    linear = np.linalg.solve(design.T @ design / 4 / ROWS + penalty, design.T @ (label - 0.5) / ROWS)
    reals("vector_linear_weight", linear[:-1])
    real("vector_linear_intercept", linear[-1])


main()
