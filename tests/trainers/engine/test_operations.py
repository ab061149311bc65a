from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from trainers.engine import operations
from trainers.engine.operations import Attend, CrossEntropy, Norm, rotate


def gradients(work: Callable, inputs: Sequence, weight):
    """What `work` gives, and the gradients of a weighted sum of it."""
    given = [x.clone().requires_grad_() for x in inputs]
    out = work(*given)
    return out, torch.autograd.grad((out * weight).sum(), given)


def same(ours: Callable, plain: Callable, inputs: Sequence, shape: Sequence[int]) -> bool:
    """Whether both give the same, and the same gradients."""
    weight = torch.randn(tuple(shape), dtype=inputs[0].dtype)
    (out, ours_back), (wanted, plain_back) = (gradients(work, inputs, weight) for work in (ours, plain))
    pairs = [(out, wanted), *zip(ours_back, plain_back, strict=True)]
    return all(torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in pairs)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("prefixed", [False, True])
@pytest.mark.parametrize("scale", [1.0, 40.0])  # scores within and beyond what exp takes as it is
def test_attention_to_a_prefix_and_to_own_keys_is_softmax_over_both(prefixed: bool, scale: float):
    # In float64: the differences that an order of summing makes in float32 grow with scores of hundreds.
    query, key, value = (torch.randn(4, 2, length, 8).double() for length in (6, 5, 5))
    query, prefix = query * scale, torch.randn(2, 2, 7, 8).double()
    mask = torch.zeros(4, 1, 6, 5).masked_fill(torch.rand(4, 1, 6, 5) < 0.3, -1e30).double()

    def ours(query, key, value, *prefix):
        return Attend.apply(query, key, value, mask, *(prefix or (None, None)), None)

    def plain(query, key, value, *prefix):
        hidden = mask
        if prefix:
            key, value = (torch.cat([p.expand(4, -1, -1, -1), x], 2) for p, x in zip(prefix, (key, value), strict=True))
            hidden = torch.nn.functional.pad(mask, (7, 0))
        return torch.softmax(query @ key.transpose(-1, -2) + hidden, -1) @ value

    assert same(ours, plain, [query, key, value, *(prefix if prefixed else ())], (4, 2, 6, 8))


def test_a_norm_divides_by_the_root_of_the_mean_square():
    weight = torch.randn(16)
    assert same(
        lambda x: Norm.apply(x, weight, 1e-5),
        lambda x: torch.nn.functional.rms_norm(x, (16,), weight, 1e-5),
        [torch.randn(3, 5, 16)],
        (3, 5, 16),
    )


def test_positions_turn_queries_and_keys_as_in_transformers():
    angles = torch.randn(1, 5, 4).repeat(1, 1, 2)
    given = [torch.randn(1, 3, 5, 8), torch.randn(1, 2, 5, 8)]
    for which in (0, 1):
        assert same(
            lambda *x, which=which: rotate(*x, angles.cos(), angles.sin())[which] + 0 * x[1 - which].sum(),
            lambda *x, which=which: (
                apply_rotary_pos_emb(*x, angles.cos(), angles.sin())[which] + 0 * x[1 - which].sum()
            ),
            given,
            given[which].shape,
        )


def test_the_loss_and_its_gradient_are_torchs(monkeypatch):
    monkeypatch.setattr(operations, "LOGITS_AT_ONCE", 3)
    wanted = torch.tensor([4, 0, 7, 2, 2, 9, 1])
    assert same(
        lambda x: operations.CrossEntropy.apply(x, wanted),
        lambda x: torch.nn.functional.cross_entropy(x, wanted, reduction="sum"),
        [torch.randn(7, 10) * 3],
        (),
    )


def test_a_loss_that_none_goes_back_from_keeps_no_gradient():
    kept: list[object] = []
    context = SimpleNamespace(needs_input_grad=(False, False), save_for_backward=kept.append)
    logits, wanted = torch.randn(7, 10), torch.tensor([4, 0, 7, 2, 2, 9, 1])
    assert torch.allclose(
        CrossEntropy.forward(context, logits, wanted),
        torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"),
    )
    assert kept == [None]
    assert not CrossEntropy.apply(logits, wanted).requires_grad


def test_a_product_in_pieces_is_the_product():
    """Of small whole numbers, whose sums are exact in any order."""
    left, right = (torch.randint(-2, 3, shape).bfloat16() for shape in ((1100, 24), (24, 8)))
    assert torch.equal(operations.product(left, right), left @ right)
