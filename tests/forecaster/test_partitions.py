"""Series that are learned from and forecast partition by partition: the same forecasts as those of all together."""

import numpy as np
import pandas as pd
import pytest
from toys import small, wave

LABELS = ["shop", "item"]
MONTHS = pd.date_range("2020-01-01", periods=40, freq="MS")
SCHEMA = "shop:str,item:int,time:datetime,forecast:double,lower:double,upper:double"
FH = range(1, 13)

pytest.importorskip("pyarrow")


def table_of(shop):
    """Two labels, time and value, a row for each observation."""
    series = {(shop, item): wave(len(MONTHS), MONTHS, seed=len(shop) + item) for item in range(3)}
    return pd.concat(series, names=[*LABELS, "time"]).rename("sales").reset_index()


def panel_of(table):
    return table.set_index([*LABELS, "time"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file for each shop, and one of what was learned from them one after the other."""
    folder = tmp_path_factory.mktemp("partitions")
    (folder / "sales").mkdir()
    tables = [table_of(shop) for shop in ("a", "bbbb", "ccccccc")]
    for table in tables:
        table.to_parquet(folder / "sales" / f"{table['shop'][0]}.parquet")
    small(hidden_size=None).pretrain_stream(map(panel_of, tables), fh=FH).save_model(folder / "model")
    return folder


@pytest.fixture(scope="module")
def forecast(folder):
    """What a worker does with a partition."""

    def answer(table: pd.DataFrame) -> pd.DataFrame:
        forecaster = small(hidden_size=None, pretrained=folder / "model", fine_tune="none").fit(panel_of(table), fh=FH)
        limits = forecaster.predict_interval(coverage=0.9).set_axis(["lower", "upper"], axis=1)
        return forecaster.predict().set_axis(["forecast"], axis=1).join(limits).reset_index()

    return answer


@pytest.fixture(scope="module")
def whole(folder, forecast):
    return forecast(pd.read_parquet(folder / "sales"))


def assert_same(partitions, whole):
    partitions = partitions.sort_values([*LABELS, "time"]).reset_index(drop=True)
    # The network computes in single precision, whose last digit depends on the size of the batch.
    pd.testing.assert_frame_equal(partitions, whole, check_dtype=False, rtol=1e-6)


def test_a_file_alone_is_forecast_as_all_are(folder, forecast, whole):
    files = sorted((folder / "sales").glob("*.parquet"))
    assert_same(pd.concat([forecast(pd.read_parquet(file)) for file in files]), whole)


def test_the_intervals_contain_the_forecasts(whole):
    assert np.all(whole["lower"] < whole["forecast"])
    assert np.all(whole["forecast"] < whole["upper"])


def test_partitions_of_dask_are_forecast_as_the_whole(folder, forecast, whole):
    frames = pytest.importorskip("dask.dataframe")
    sales = frames.read_parquet(folder / "sales", split_row_groups=False)
    sales.map_partitions(forecast, meta=whole.head(0)).to_parquet(folder / "by_dask", write_index=False)
    assert sales.npartitions == 3
    assert_same(pd.read_parquet(folder / "by_dask"), whole)


def test_partitions_of_fugue_are_forecast_as_the_whole(folder, forecast, whole):
    fugue = pytest.importorskip("fugue.api")
    source, target = str(folder / "sales"), str(folder / "by_fugue.parquet")
    fugue.transform(source, forecast, schema=SCHEMA, partition={"by": "shop"}, save_path=target)
    assert_same(pd.read_parquet(target), whole)
