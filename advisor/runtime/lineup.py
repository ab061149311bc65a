"""Who is asked in a run: the models that are compared and who proposes instructions, each within its share of the budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from advisor.address import Address
from advisor.models import named
from advisor.models.endpoint import Endpoint
from advisor.models.local import LocalModel
from advisor.runtime.settings import PROPOSER, Budget, Settings, bound, check_prices
from advisor.task import Task

AModel = LocalModel | Endpoint


@dataclass(frozen=True)
class Lineup:
    """The `models`, the first of which is the baseline's and the one whose gaps are told; the `proposer`, if the task names
    one; what each of the models may take (`share`); `notes` on models that are left out."""

    models: tuple[AModel, ...]
    proposer: AModel | None
    share: Budget
    notes: tuple[str, ...] = ()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Those of them that are asked over HTTP."""
        return tuple(one for one in (*self.models, self.proposer) if isinstance(one, Endpoint))

    @property
    def local(self) -> bool:
        """Whether one of the models is run here."""
        return any(not isinstance(one, Endpoint) for one in self.models)

    def bound(self, folder: Path, settings: Settings, forbidden: bool) -> "Lineup":
        """The same with endpoints that keep to their share, ask for consent, and leave what they showed in the run folder."""

        def within(model: AModel, name: str, budget: Budget, **more: Any) -> AModel:
            own = replace(settings, budget=budget)
            return (
                bound(model, folder / name, own, forbidden=forbidden, **more) if isinstance(model, Endpoint) else model
            )

        typed, apart = bool(settings.model), settings.budget.part(PROPOSER)
        models = tuple(within(one, place(n), self.share, typed=typed) for n, one in enumerate(self.models))
        proposer = within(self.proposer, "proposer", apart, field="proposer") if self.proposer else None
        return replace(self, models=models, proposer=proposer)


def place(n: int) -> str:
    """The folder of what is made for the nth model alone; the first has none."""
    return f"model-{n + 1}" if n else ""


def lined_up(task: Task, settings: Settings, forbidden: bool) -> Lineup:
    """Who is asked for a task. `forbidden`: data may not leave this machine. Raises InputError where a budget in money meets an
    endpoint without prices."""
    asked, notes = _allowed(named.chosen(settings.model, task.models), forbidden)
    for one in (*asked, *([task.proposer] if task.proposer else [])):
        check_prices(one, settings)
    proposer = named.model_named(task.proposer) if task.proposer else None
    # What a proposer behind an endpoint takes is not the models'.
    budget = settings.budget.part(1 - PROPOSER) if isinstance(proposer, Endpoint) else settings.budget
    share = replace(budget.part(1 / len(asked)), seconds=budget.seconds / len(asked))
    return Lineup(tuple(named.model_named(one) for one in asked), proposer, share, notes)


def _allowed(models: Sequence[str | Address], forbidden: bool) -> tuple[Sequence[str | Address], tuple[str, ...]]:
    """The models that may be asked, and a note on each that is left out, since data may not leave; where all are, they stay,
    for the person to be told."""
    out = [one for one in models if forbidden and (at := named.addressed(one)) and not at.on_this_machine]
    if len(out) == len(models):
        return models, ()
    kept = [one for one in models if one not in out]
    return kept, tuple(f"{one} is left out of the comparison: data may not leave" for one in out)
