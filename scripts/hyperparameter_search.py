"""The names of the search guide: `from hyperparameter_search import HyperparameterSearcher`."""

from espalier.search.search_results import SearchResult, load_results
from espalier.search.searcher import HyperparameterSearcher

__all__ = ["HyperparameterSearcher", "SearchResult", "load_results"]
