"""What machines do for each path, as probes measured it or else by counting, and what that is priced at for the model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from advisor.decide.costs import Work
from advisor.decide.rates import Rates, of_tokens, usual
from advisor.measure import planning
from advisor.measure.diagnosis import Diagnosis
from advisor.models.endpoint import Endpoint
from advisor.models.local import tunes, weights
from advisor.models.protocol import Model
from advisor.runtime.bench import Bench, Purse
from advisor.task import Task


def work(task: Task, model: Model, purse: Purse, diagnosis: Diagnosis) -> Mapping[str, Work]:
    """Of each path that the model can serve: building by an estimate; a request as its best probe took, of those that stayed in
    the race longest, else by an estimate."""
    counted = planning.work(task, model, purse)
    for path, one in counted.items():
        own = [probe for probe in diagnosis.probes if probe.path == path and probe.model == model.name]
        probes = [probe for probe in own if probe.tokens and not probe.misses]
        if best := max(probes, key=lambda probe: (len(probe.scores), probe.value), default=None):
            asked = best.n + best.unscored
            read, written = (best.tokens - best.written) / asked, best.written / asked
            counted[path] = replace(one, read=read, written=written, seconds=best.seconds / asked, measured=True)
    return counted


def by_model(
    task: Task, models: Sequence[Model], benches: Sequence[Bench], diagnosis: Diagnosis | None
) -> dict[str, tuple[Mapping[str, Work], Rates]]:
    """Both for each of the models that are compared; what machines do is known only where it was measured on a bench of each."""
    done = {one.model: work(task, one.runtime.model, one.purse, diagnosis) for one in benches} if diagnosis else {}
    return {model.name: (done.get(model.name, {}), rates(task, model)) for model in models}


def rates(task: Task, model: Model) -> Rates:
    """What costs of the task are reckoned with: a local model, and a server on this machine, by the machine's hours; an endpoint by
    tokens."""
    said = task.costs.said
    if not isinstance(model, Endpoint):
        on_gpu = tunes(model) and weights(model).model.device.type == "cuda"
        return usual(said, "gpu" if on_gpu else "cpu")
    price, here = model.address.price, model.address.on_this_machine
    own = usual(said, "cpu" if here else None)
    declared = (price.prompt, price.completion) if price else None
    return of_tokens(own, model.name, declared) if declared or not here else own
