"""The network: what an untrained one forecasts, what may influence a forecast, and where randomness comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sktime_lstm.anchors.naive import ANCHORS, anchors_of, naive_forecasts
from sktime_lstm.anchors.smoothing import smoothing_forecasts
from sktime_lstm.data.windows import WindowBatch
from sktime_lstm.network.cells import CELLS, HIDDEN
from sktime_lstm.network.network import Network, NetworkSize

NAN = torch.nan
every_cell = pytest.mark.parametrize("cell", CELLS)
both_kinds = pytest.mark.parametrize("anchored", [True, False])


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def make_network(*, variables=1, covariates=0, seed=0, trained=True, **options):
    """A network; as `trained` its output is drawn at random, so that the recurrent layers matter."""
    network = Network(NetworkSize(variables, covariates, hidden_size=5, **options), seeded(seed))
    if trained:
        torch.nn.init.normal_(network.output.weight, generator=seeded(seed + 1))
    return network.eval()


def in_training(**options):
    network = make_network(**options).train()
    network.dropout_generator = seeded(3)
    return network


def make_window(*, batch=3, length=8, horizon=4, variables=1, covariates=0, sp=1):
    generator = seeded(7)
    return WindowBatch(
        torch.randn(batch, length, variables, generator=generator),
        torch.randn(batch, length + horizon, covariates, generator=generator),
        sp,
    )


def shown(window, horizon):
    """The same window with a nearer end."""
    return replace(window, covariates=window.covariates[:, : window.context.shape[1] + horizon])


@every_cell
@pytest.mark.parametrize("sp", [1, 4, 99])
def test_an_untrained_network_forecasts_the_mean_of_the_naive_forecasts_that_exist(cell, sp):
    window = make_window(variables=2, sp=sp)
    window.context[0, :3] = window.context[1, -2:, 0] = NAN
    anchors = naive_forecasts(window.context, horizon=4, sp=sp)
    forecast = make_network(variables=2, cell=cell, trained=False)(window)
    torch.testing.assert_close(forecast, anchors.nanmean(-1))


def test_an_untrained_network_without_anchors_forecasts_zero():
    torch.testing.assert_close(make_network(trained=False, anchored=False)(make_window()), torch.zeros(3, 4, 1))


@both_kinds
def test_every_weight_can_learn(anchored):
    network = make_network(variables=2, covariates=1, num_layers=2, anchored=anchored)
    network(make_window(variables=2, covariates=1, sp=4)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.abs().max() > 0, name


@every_cell
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_later_covariate_changes_no_earlier_forecast(cell, num_layers):
    network, window = make_network(covariates=2, cell=cell, num_layers=num_layers), make_window(covariates=2)
    changed = replace(window, covariates=window.covariates.clone())
    changed.covariates[:, 8 + 2] += 5
    before, after = network(window), network(changed)
    torch.testing.assert_close(after[:, :2], before[:, :2], atol=0, rtol=0)
    assert (after[:, 2:] != before[:, 2:]).all()


@every_cell
@both_kinds
def test_a_step_is_forecast_the_same_however_many_follow(cell, anchored):
    network, window = make_network(covariates=2, cell=cell, anchored=anchored), make_window(covariates=2, horizon=9)
    torch.testing.assert_close(network(shown(window, 3)), network(window)[:, :3])


@both_kinds
def test_a_forecast_does_not_depend_on_the_other_windows_of_the_batch(anchored):
    network = make_network(variables=2, covariates=1, anchored=anchored)
    window = make_window(variables=2, covariates=1, sp=4)
    parts = zip(window.context.split(1), window.covariates.split(1), strict=True)
    alone = [network(WindowBatch(context, covariates, sp=4)) for context, covariates in parts]
    torch.testing.assert_close(network(window), torch.cat(alone))


@pytest.mark.parametrize("row", [-1, -2, 0])
def test_the_first_step_sees_every_observation_the_newest_too(row):
    window = make_window()
    window.context.requires_grad_()
    make_network(anchored=False)(window)[:, 0].sum().backward()
    assert (window.context.grad[:, row] != 0).all()


@both_kinds
@pytest.mark.parametrize("sp", [1, 4])
def test_a_missing_value_has_no_influence(anchored, sp):
    window, missing = make_window(sp=sp), torch.zeros(3, 8, 1, dtype=torch.bool)
    missing[0, 2], missing[1, -1], missing[2, :3] = True, True, True
    window.context.masked_fill_(missing, NAN).requires_grad_()
    make_network(anchored=anchored)(window).sum().backward()
    assert (window.context.grad[missing] == 0).all()
    assert (window.context.grad[0, -1] != 0).all()


@both_kinds
def test_a_missing_value_is_not_taken_for_zero(anchored):
    network, missing, zero = make_network(anchored=anchored), make_window(sp=99), make_window(sp=99)
    missing.context[:, 3], zero.context[:, 3] = NAN, 0.0
    assert (network(missing) != network(zero)).all()


@both_kinds
@pytest.mark.parametrize("sp", [1, 4])
def test_a_window_without_any_observation_still_has_a_forecast(anchored, sp):
    window = make_window(sp=sp)
    window.context[0] = NAN
    assert make_network(anchored=anchored)(window).isfinite().all()


def test_a_window_of_one_point_has_a_forecast():
    assert make_network()(make_window(length=1)).isfinite().all()


@every_cell
def test_building_draws_from_the_given_generator_alone(cell):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = make_network(cell=cell)(make_window())
    torch.testing.assert_close(torch.get_rng_state(), before)
    torch.manual_seed(99)
    torch.testing.assert_close(make_network(cell=cell)(make_window()), first, atol=0, rtol=0)
    assert (make_network(cell=cell, seed=5)(make_window()) != first).any()


def test_dropout_draws_from_the_generator_for_masks_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = in_training(dropout=0.5)(make_window())
    torch.testing.assert_close(torch.get_rng_state(), before)
    torch.manual_seed(99)
    torch.testing.assert_close(in_training(dropout=0.5)(make_window()), first, atol=0, rtol=0)


def test_dropout_differs_from_step_to_step_of_the_training_and_is_off_in_a_forecast():
    network, window = in_training(dropout=0.5), make_window()
    assert (network(window) != network(window)).any()
    network.eval()
    torch.testing.assert_close(network(window), make_network()(window), atol=0, rtol=0)


def test_dropout_keeps_the_forecast_on_average():
    network, window = in_training(dropout=0.3, anchored=False), make_window()
    average = torch.stack([network(window) for _ in range(2_000)]).mean(0)
    torch.testing.assert_close(average, network.eval()(window), atol=0.05, rtol=0)


def test_an_untrained_network_weighs_the_naive_forecasts_by_their_past_errors():
    context = torch.tensor([[0.0], [2.0]])[None]
    # The last value, means with weights that fall by 0.7 and 0.9 a step, the mean, the line, and smoothing.
    naive = torch.tensor([2.0, 2 / 1.7, 2 / 1.9, 1.0, 4.0, *smoothing_forecasts(context, horizon=1).forecast.flatten()])
    errors = torch.tensor([1.0, 2.0, 3.0, 1.5, 0.5, 2.0, 1.0, 1.0, 1.0, 1.0])
    window = WindowBatch(context, torch.zeros(1, 3, 0), sp=1, anchor_errors=errors.view(1, 1, len(ANCHORS)))
    weights = errors[:8] ** -6
    forecast = make_network(trained=False)(window)[0, 0, 0]
    torch.testing.assert_close(forecast, (weights * naive).sum() / weights.sum())


def test_the_unit_of_past_errors_changes_nothing():
    window, network = make_window(sp=4), make_network()
    record = torch.rand(3, 1, len(ANCHORS), generator=seeded(0)) + 0.1
    forecast = network(replace(window, anchor_errors=record))
    assert not forecast.equal(network(window))
    torch.testing.assert_close(network(replace(window, anchor_errors=1e3 * record)), forecast)


@both_kinds
def test_a_network_shrunk_to_nothing_has_learned_nothing(anchored):
    network, window = make_network(anchored=anchored), make_window(sp=4)
    whole = network(window)
    network.shrink(1.0)
    assert network(window).equal(whole)
    network.shrink(0.0)
    assert network(window).equal(make_network(anchored=anchored, trained=False)(window))


@both_kinds
def test_shrinking_leaves_the_learned_spread_as_it_was(anchored):
    network, window = make_network(variables=2, anchored=anchored, num_distribution_outputs=2), make_window(variables=2)
    before = network(window)
    network.shrink(0.0)
    after = network(window)
    assert after[..., 1:].equal(before[..., 1:])
    assert (after[..., 0] != before[..., 0]).all()


@every_cell
@both_kinds
@pytest.mark.parametrize("options", [{}, {"num_layers": 2}], ids=str)
def test_the_hidden_states_seen_inside_are_those_that_the_output_reads(cell, anchored, options):
    network, window = (
        make_network(cell=cell, covariates=1, anchored=anchored, **options),
        make_window(covariates=1, sp=4),
    )
    read = []
    network.output.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    network(window)
    assert len(network.trace(window)) == network.size.num_layers
    torch.testing.assert_close(network.trace(window)[-1][HIDDEN][:, -4:], read[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("sp", [1, 4])
def test_the_forecast_is_the_mixture_with_the_weights_shown_plus_the_correction(sp):
    network, window = make_network(variables=2), make_window(variables=2, sp=sp)
    mixture = (network.anchor_weights(window) * naive_forecasts(window.context, horizon=4, sp=sp).nan_to_num()).sum(-1)
    correction = make_network(variables=2)
    # Without differences between the logits the mixture is the mean of the naive forecasts.
    with torch.no_grad():
        correction.output.weight.view(2, -1, 5)[:, 1:] = 0
    mean = naive_forecasts(window.context, horizon=4, sp=sp).nanmean(-1)
    torch.testing.assert_close(network(window), mixture + correction(window) - mean)


def test_naive_forecasts_that_do_not_exist_weigh_nothing_and_the_others_one_together():
    window = make_window(variables=2)
    weights = make_network(variables=2).anchor_weights(window)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4, 2))
    absent = naive_forecasts(window.context, horizon=4, sp=1).isnan()
    assert absent.any()
    assert ((weights == 0) == absent).all()


def test_a_network_without_anchors_has_no_weights_to_show():
    with pytest.raises(ValueError, match="anchored=False: the network has no naive forecasts to weigh"):
        make_network(anchored=False).anchor_weights(make_window())


def test_the_recurrent_layers_read_the_latest_points_and_the_anchors_all_of_them():
    window, network = make_window(sp=1), make_network()
    padded = torch.nn.functional.pad(window.covariates, (0, 0, 12, 0))
    longer = torch.cat([10 + torch.randn(3, 12, 1, generator=seeded(1)), window.context], 1)
    with_history = replace(window, context=longer, covariates=padded, window_length=window.context.shape[1])
    assert [len(states["hidden state"][0]) for states in network.trace(with_history)] == [8 + 4]
    assert not anchors_of(with_history).equal(anchors_of(window))
    same_anchors = replace(with_history, anchors=anchors_of(window))
    torch.testing.assert_close(network(same_anchors), network(window))


def test_anchors_made_in_advance_are_not_made_again():
    window, network = make_window(sp=4), make_network()
    assert network(replace(window, anchors=anchors_of(window))).equal(network(window))
    assert not network(replace(window, anchors=anchors_of(window) + 1)).equal(network(window))


def with_errors(*, factor=1.0, **options):
    """A window that knows how wrong each naive forecast has been."""
    window = make_window(**options)
    errors = torch.rand(3, window.context.shape[2], len(ANCHORS), generator=seeded(5)) + 0.5
    return replace(window, anchor_errors=factor * errors)


@pytest.mark.parametrize("options", [{"sees_errors": True}, {"corrects_by_errors": True}])
def test_errors_of_the_naive_forecasts_change_nothing_before_training(options):
    window = with_errors(sp=4, variables=2)
    torch.testing.assert_close(
        make_network(variables=2, trained=False, **options)(window), make_network(variables=2, trained=False)(window)
    )


def test_a_correction_is_as_large_as_the_smallest_error():
    network = make_network(corrects_by_errors=True)
    mixture = make_network(trained=False)(with_errors())
    network.output.weight.data[1 : 1 + len(ANCHORS)] = 0
    small, large = (network(with_errors(factor=factor)) - mixture for factor in (0.1, 0.3))
    torch.testing.assert_close(large, 3 * small)


def test_a_spread_grows_with_the_smallest_error():
    network = make_network(corrects_by_errors=True, num_distribution_outputs=2)
    small, large = (network(with_errors(factor=factor))[..., 1:] for factor in (0.1, 0.3))
    torch.testing.assert_close(large - small, torch.full_like(small, 3.0).log())


def test_every_step_sees_the_errors():
    network = make_network(sees_errors=True, variables=2)
    window = with_errors(variables=2)
    worse = replace(window, anchor_errors=window.anchor_errors.clone())
    worse.anchor_errors[:, 1, 2] *= 2
    before, after = network._inputs(window, anchors_of(window)), network._inputs(worse, anchors_of(worse))
    changed = (before != after).all(0).nonzero()
    assert set(changed[:, 0].tolist()) == set(range(8 + 4))
    assert len(set(changed[:, 1].tolist())) == 1


@pytest.mark.parametrize("options", [{"sees_errors": True}, {"corrects_by_errors": True}])
def test_the_error_of_a_naive_forecast_that_does_not_exist_has_no_influence(options):
    network, window = make_network(**options), with_errors(sp=1)
    other = replace(window, anchor_errors=window.anchor_errors.clone())
    other.anchor_errors[..., ANCHORS.index("seasonal")] = 1e-9
    torch.testing.assert_close(network(other), network(window), atol=0, rtol=0)


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_errors_of_any_size_leave_the_forecast_finite(factor):
    network = make_network(sees_errors=True, corrects_by_errors=True)
    assert network(with_errors(factor=factor)).isfinite().all()


def test_a_network_of_one_variable_forecasts_several_one_by_one():
    network, window = make_network(sees_errors=True, corrects_by_errors=True), make_window(variables=2)
    window = replace(window, anchor_errors=torch.rand(3, 2, len(ANCHORS), generator=seeded(4)) + 0.5)
    alone = torch.cat([network(window.of_variable(number)) for number in range(2)], 2)
    torch.testing.assert_close(network(window), alone)


def test_a_network_without_covariates_does_not_read_them():
    window = make_window(covariates=2)
    torch.testing.assert_close(
        make_network()(window), make_network()(replace(window, covariates=0 * window.covariates))
    )


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_network_goes_back_to_where_it_came_from(share):
    start, moved = make_network(seed=1), make_network(seed=2)
    expected = [old + share * (new - old) for old, new in zip(start.parameters(), moved.parameters(), strict=True)]
    moved.move_back(start, share)
    for parameter, value in zip(moved.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter, value)


# Embeddings of categories


def test_a_number_of_a_category_is_shown_by_its_row_of_the_table():
    """The network with a table forecasts as one that is given the rows of the table as covariates."""
    network = make_network(covariates=2, num_categories=(9,))
    (table,) = network.embeddings
    assert table.shape == (10, 3)
    window, numbers = make_window(covariates=1), torch.randint(0, 10, (3, 12), generator=seeded(1))
    with_numbers = replace(window, covariates=torch.cat([window.covariates, numbers[..., None].float()], 2))
    plain = make_network(covariates=4)
    plain.load_state_dict({name: each for name, each in network.state_dict().items() if "embeddings" not in name})
    with_rows = replace(window, covariates=torch.cat([window.covariates, table[numbers]], 2))
    torch.testing.assert_close(network(with_numbers), plain(with_rows))


def test_before_training_all_categories_are_alike():
    network = make_network(covariates=1, num_categories=(9,), trained=False)
    assert not network.embeddings[0].any()


def test_an_embedding_has_as_many_channels_as_the_root_of_its_categories_but_not_too_many():
    assert NetworkSize(1, 3, 4, num_categories=(33, 400, 3000)).embedding_sizes == (5, 16, 16)
