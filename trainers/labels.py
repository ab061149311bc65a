"""Choosing among labels instead of writing: the likeliest one exactly, or how likely each is.

A label's probability is that of its tokens and of the token that ends an answer. Labels that begin alike share those
tokens in a tree; what a path's beginning is worth bounds all that follows, so the best branch is followed first and most
are never looked at (best-first search: Hart, Nilsson, Raphael 1968).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import torch
from torch import Tensor

from trainers.engine import plain
from trainers.engine.batching import Batch, BatchRow, by_prefix
from trainers.engine.layers import prepared
from trainers.engine.packing import packs
from trainers.models import LanguageModel
from trainers.rendering import Ids, Row

Tree = dict[int, "Tree"]  # the tree behind each next token; empty behind the token that ends an answer
CHUNK = 512  # rows of logits turned into float32 at once


def choose(lm: LanguageModel, rows: Sequence[Row], labels: Sequence[str]) -> list[str]:
    """The likeliest of `labels` for each row."""
    paths = _paths(lm, labels)
    return [paths[max(scores, key=lambda path: scores[path])] for scores in _scores(lm, rows, paths, every=False)]


def probabilities(lm: LanguageModel, rows: Sequence[Row], labels: Sequence[str]) -> list[dict[str, float]]:
    """How likely each of `labels` is for each row, given that it is one of them: shares that sum to 1."""
    paths = _paths(lm, labels)
    shares = []
    for scores in _scores(lm, rows, paths, every=True):
        top = max(scores.values())
        raised = {path: math.exp(score - top) for path, score in scores.items()}
        shares.append({label: raised[path] / sum(raised.values()) for path, label in paths.items()})
    return shares


def likelihoods(lm: LanguageModel, rows: Sequence[Row], text: str) -> list[float]:
    """The log-probability of `text` as the whole answer to each row."""
    return [next(iter(scores.values())) for scores in _scores(lm, rows, _paths(lm, [text]), every=True)]


def _paths(lm: LanguageModel, labels: Sequence[str]) -> dict[Ids, str]:
    """The labels by their tokens, the one that ends an answer last."""
    ids = lm.tokenizer(list(labels), add_special_tokens=False).input_ids
    return {(*tokens, lm.tokenizer.eos_token_id): label for tokens, label in zip(ids, labels, strict=True)}


def _tree(paths: Mapping[Ids, str]) -> Tree:
    tree: Tree = {}
    for path in paths:
        node = tree
        for token in path:
            node = node.setdefault(token, {})
    return tree


@dataclass
class _Search:
    """The search for one row, whose own part has `own` tokens. `open` holds (priority, log-probability, path) of what was
    seen but not followed; `path` is what is being followed, worth `value` but for its last `unsure` tokens; `scores` are
    those of the labels reached: of the best one, or with `every` of all."""

    own: int
    tree: Tree
    every: bool
    open: list[tuple[Ids | float, float, Ids]] = field(default_factory=list)
    path: Ids = ()
    value: float = 0.0
    unsure: int = 0
    scores: dict[Ids, float] = field(default_factory=dict)

    @property
    def next(self) -> Tree:
        """The tree behind the path."""
        node = self.tree
        for token in self.path:
            node = node[token]
        return node

    def asked(self, end: int) -> list[tuple[int, int]]:
        """The (place, token) pairs whose log-probability is wanted; `end` is the place behind the path."""
        start = len(self.path) - self.unsure
        sure = [(end - self.unsure + i, token) for i, token in enumerate(self.path[start:])]
        return [*sure, *((end, token) for token in self.next)]

    def follow(self, answers: Sequence[float]) -> tuple[int, Ids] | None:
        """Take in what was asked; how many tokens of the row to keep and which to run next, or None when it is done."""
        value = self.value + sum(answers[: self.unsure])
        for token, more in zip(self.next, answers[self.unsure :], strict=True):
            path, worth = (*self.path, token), value + more
            heapq.heappush(self.open, (path if self.every else -worth, worth, path))
        before = self.path
        while self.open:
            _, self.value, self.path = heapq.heappop(self.open)
            if self.next:
                self.unsure = 0
                while len(self.next) == 1 and any(self.next.values()):  # no choice: follow it in the same pass
                    self.path, self.unsure = (*self.path, *self.next), self.unsure + 1
                same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, self.path, strict=False)))
                return self.own + same, self.path[same:]
            self.scores[self.path] = self.value
            if not self.every:
                break
        return None


def _scores(lm: LanguageModel, rows: Sequence[Row], paths: Mapping[Ids, str], every: bool) -> list[dict[Ids, float]]:
    """The log-probabilities of the labels for each row: of the best one, or of every one."""
    if not packs(lm):
        return [{path: _plain_score(lm, row, path) for path in paths} for row in rows]
    tree = _tree(paths)
    searches = [_Search(len(row.own), tree, every) for row in rows]
    with prepared(lm):
        for shared, indices in by_prefix(rows):
            capacity = len(rows[indices[0]].own) + max(map(len, paths))
            batch: Batch[_Search, _Search] = Batch(lm, shared, capacity, _take)
            for i in indices:
                batch.add(BatchRow(i, rows[i].own, searches[i], asked=len(rows[i].own)))
            while batch.busy:
                batch.step()
    return [search.scores for search in searches]


def _take(rows: Sequence[BatchRow[_Search]], logits: Tensor) -> list[_Search | None]:
    """Hand each search what it asked for."""
    asked, counts, end = [], [], -1
    for row in rows:
        end += len(row.tokens)
        wanted = row.state.asked(end)
        asked += wanted
        counts.append(len(wanted))
    values = iter(_log_probabilities(logits, asked))
    done: list[_Search | None] = []
    for row, count in zip(rows, counts, strict=True):
        following = row.state.follow([next(values) for _ in range(count)])
        done.append(row.state if following is None else None)
        row.keep, row.tokens = following or (0, ())
        row.asked = len(row.tokens)
    return done


def _log_probabilities(logits: Tensor, asked: Sequence[tuple[int, int]]) -> list[float]:
    """Those of the (place, token) pairs among the (n, vocabulary) logits."""
    places, tokens = (torch.tensor(part, device=logits.device) for part in zip(*asked, strict=True))
    wanted, which = torch.unique(places, return_inverse=True)
    whole = torch.cat([torch.logsumexp(logits[some].float(), 1) for some in wanted.split(CHUNK)])
    values: list[float] = (logits[places, tokens].float() - whole[which]).tolist()
    return values


def _plain_score(lm: LanguageModel, row: Row, path: Ids) -> float:
    return -float(plain.loss_sum(lm, [Row(row.shared, row.own, path)]))
