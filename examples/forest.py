"""A random forest of scikit-learn on its breast cancer data."""

import argparse

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--trees", type=int, default=100)
parser.add_argument("--criterion", default="gini")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

X, y = load_breast_cancer(return_X_y=True)
X_train, X_rest, y_train, y_rest = train_test_split(X, y, test_size=0.5, random_state=0)
X_val, X_test, y_val, y_test = train_test_split(X_rest, y_rest, test_size=0.5, random_state=0)
forest = RandomForestClassifier(
    n_estimators=args.trees, criterion=args.criterion, random_state=args.seed
)
forest.fit(X_train, y_train)
print(f"validation: accuracy {forest.score(X_val, y_val):.4f}", end=", ")
print(f"log loss {log_loss(y_val, forest.predict_proba(X_val)):.4f}")
print(f"test: accuracy {forest.score(X_test, y_test):.4f}")
