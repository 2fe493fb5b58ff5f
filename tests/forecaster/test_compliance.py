"""The whole test suite of sktime, as it recommends to packages outside of it; nothing is left out."""

from sktime.utils.estimator_checks import check_estimator, parametrize_with_checks

from sktime_lstm import LSTMForecaster


@parametrize_with_checks([LSTMForecaster])
def test_sktime_api_compliance(obj, test_name):
    check_estimator(obj, tests_to_run=test_name, raise_exceptions=True, verbose=False)
