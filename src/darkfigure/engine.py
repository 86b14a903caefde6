"""Where heavy work runs: on the cores of this machine, or on a Spark cluster.

Work comes as independent pieces, each of which knows its own share of the random numbers, so that
results do not depend on how many cores there are or which piece ends first.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from darkfigure.errors import InputError

if TYPE_CHECKING:
    import polars as pl

Piece = TypeVar("Piece")
Result = TypeVar("Result")

Where = Literal["local", "spark"]
Progress = Callable[[int, int], None]
"""Called with (pieces done, pieces in all) as work goes on."""


def cores() -> int:
    """The number of cores this process may use.

    Examples
    --------
    >>> cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    work: Callable[[Piece], Result],
    pieces: Sequence[Piece],
    *,
    where: Where = "local",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Result]:
    """Yield `work(piece)` for every piece, in order, computed on all cores or on a cluster.

    Threads are enough here: the compiled kernels let go of Python's lock. An interrupt stops the
    work at the next piece.

    Parameters
    ----------
    work : callable
        Pure function of one piece. Spark sends it to its workers, on which darkfigure must be
        installed, so there it is a function of a module and pieces and results can be pickled.
    pieces : sequence
        What to work on.
    where : {'local', 'spark'}
        See `database`.
    workers : int, optional
        How many cores of this machine to use; all of them when left out.
    progress : callable, optional
        Told how many pieces are done, and of how many.

    Examples
    --------
    >>> list(run(lambda x: x * x, [1, 2, 3]))
    [1, 4, 9]
    """
    of = len(pieces)
    if where != "local":
        yield from _on_spark(work, pieces, where, progress)
        return
    todo = iter(pieces)
    workers = workers or cores()
    pool = ThreadPoolExecutor(max_workers=workers)
    # Only a few pieces are under way at a time, so that memory does not grow with their number.
    under_way = deque(pool.submit(work, piece) for piece in islice(todo, 4 * workers))
    done = 0
    try:
        while under_way:
            result = under_way.popleft().result()
            under_way.extend(pool.submit(work, piece) for piece in islice(todo, 1))
            done += 1
            if progress is not None:
                progress(done, of)
            yield result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _on_spark(
    work: Callable[[Piece], Result],
    pieces: Sequence[Piece],
    where: Where,
    progress: Progress | None,
) -> Iterator[Result]:
    """As `run`; some rounds of pieces at a time, so that what is done can be kept."""
    if not pieces:
        return
    with spark(where, "Working on Spark") as session:
        context = session.sparkContext
        at_once = 16 * context.defaultParallelism
        for begin in range(0, len(pieces), at_once):
            some = pieces[begin : begin + at_once]
            slices = min(len(some), 4 * context.defaultParallelism)
            for i, result in enumerate(context.parallelize(some, slices).map(work).collect(), 1):
                if progress is not None:
                    progress(begin + i, len(pieces))
                yield result


@contextlib.contextmanager
def spark(where: Where, doing: str) -> Iterator[Any]:
    """A session of Spark, closed at the end; `SPARK_MASTER` says on which cluster.

    Parameters
    ----------
    where : {'spark'}
        Any other is refused.
    doing : str
        What for, in the refusal where Spark is not installed.
    """
    if where not in get_args(Where):
        raise InputError(f"The engine is 'local' or 'spark', not '{where}'.")
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError(
            f"{doing} needs more than is installed ({error.name}); install it by: "
            "pip install 'darkfigure[spark]'."
        ) from error
    if SparkSession.getActiveSession() is not None:
        raise InputError("Spark is at work in this process already; darkfigure starts its own.")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    master = os.environ.get("SPARK_MASTER", f"local[{cores()}]")
    builder = SparkSession.builder.appName("darkfigure").master(master)
    if master.startswith("local"):
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
        builder = builder.config("spark.driver.host", "127.0.0.1")
    session = (
        builder.config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", str(4 * cores()))
        .config("spark.driver.memory", "4g")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "OFF")  # what goes wrong comes back as an exception
        .config("spark.sql.warehouse.dir", tempfile.gettempdir())  # else one is made right here
        .config("spark.sql.codegen.wholeStage", "false")  # comparisons outgrow a Java method
        .config("spark.io.encryption.enabled", "true")  # what it spills are names
        .getOrCreate()
    )
    try:
        yield session
    finally:
        session.stop()


@contextlib.contextmanager
def database(where: Where = "local") -> Iterator[Any]:
    """A database for linkage, as Splink takes it, closed at the end.

    The local one is DuckDB in memory, which never spills to disk: what it holds are names. On Spark
    `SPARK_MASTER` says which cluster; without it, Spark runs on this machine.

    Parameters
    ----------
    where : {'local', 'spark'}

    Raises
    ------
    InputError
        If there is no such engine, or what it needs is not installed.
    """
    if where not in get_args(Where):
        raise InputError(f"The engine is 'local' or 'spark', not '{where}'.")
    try:
        if where == "local":
            import duckdb
            from splink.backends.duckdb import DuckDBAPI
        else:
            from splink.backends.spark import SparkAPI
    except ImportError as error:
        extra = "link" if where == "local" else "spark"
        raise InputError(
            f"Linking records needs more than is installed ({error.name}); install it by: "
            f"pip install 'darkfigure[{extra}]'."
        ) from error
    if where == "local":
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET temp_directory = ''")
            connection.execute("SET enable_progress_bar = false")
            connection.execute(f"SET threads = {cores()}")
            connection.execute("CREATE MACRO arrays_overlap(a, b) AS list_has_any(a, b)")
            connection.execute("CREATE MACRO size(a) AS len(a)")
            yield DuckDBAPI(connection)
        return
    with spark(where, "Linking records") as session:
        yield SparkAPI(  # type: ignore[no-untyped-call]
            spark_session=session, register_udfs_automatically=False, break_lineage_method="persist"
        )


def register(api: Any, frame: pl.DataFrame, name: str | None = None) -> Any:
    """A frame as a table of a database, as Splink takes it.

    Spark keeps the rows of a frame inside every plan that reads it, and Splink's plans read it many
    times; cut off from where it came from, a table is held once.

    Parameters
    ----------
    api
        As `database` gives it.
    frame : DataFrame
    name : str, optional
        What the table is called.
    """
    table: Any = arrow(frame)
    if hasattr(api, "spark"):
        table = api.spark.createDataFrame(table).repartition(4 * cores()).localCheckpoint()
    return api.register(table, dataset_display_name=name)


def arrow(frame: pl.DataFrame) -> Any:
    """A frame as both databases take it."""
    import pyarrow as pa

    table = frame.to_arrow()
    plain = {pa.large_string(): pa.string(), pa.string_view(): pa.string()}

    def type_of(kind: Any) -> Any:
        if pa.types.is_large_list(kind) or pa.types.is_list(kind):
            return pa.list_(type_of(kind.value_type))
        return plain.get(kind, kind)

    return table.cast(pa.schema([(field.name, type_of(field.type)) for field in table.schema]))
