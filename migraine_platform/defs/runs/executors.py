"""How a run of the UI, a schedule or a sensor is executed: alone, as a run from a terminal is.

Without the lock, a night that was started in the UI and in a terminal wrote the same partitions from two processes, and
failed with "50 patients lack days"; a retraining that the daemon began during a night in a terminal found partitions of
two days. Now the later one waits for the earlier, says for which, and reads what it left. Waiting is in the executor,
because resources, the night's settings among them, are made after it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.executor.base import Executor

from migraine_platform.operations.run_lock import only_run, this_process
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    from dagster._core.events import DagsterEvent
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode
    from dagster._core.execution.step_dependency_config import StepDependencyConfig

PROCESS_TAG = "migraine/process"
"""Run tag: which process executes it; when that is gone, so is the run (dead_runs.py)."""

FORKSERVER = {"forkserver": {"preload_modules": ["polars", "numba", "migraine_platform.definitions"]}}
"""How step processes begin, unless a launch says otherwise: with what they all load loaded once."""


def exclusive_executor(name: str, places: Places, alone: bool = True) -> dg.ExecutorDefinition:
    """Dagster's own executor of that name, `in_process` or `multiprocess`, which runs alone on the data folder.

    Args:
        alone: False for a run that writes nothing that others do; it says which process it is, and waits for nobody.
    """
    inner = dg.in_process_executor if name == "in_process" else dg.multiprocess_executor
    create = inner.executor_creation_fn
    needs = [] if name == "in_process" else dg.multiple_process_executor_requirements()
    assert create is not None

    def exclusive(context: dg.InitExecutorContext) -> Executor:
        defaults = {} if name == "in_process" else {"start_method": FORKSERVER}
        found = create(context._replace(executor_config={**defaults, **context.executor_config}))
        return _Exclusive(found, places if alone else None)

    schema = inner.config_schema
    return dg.ExecutorDefinition(name, config_schema=schema, requirements=needs, executor_creation_fn=exclusive)  # type: ignore[arg-type]


class _Exclusive(Executor):
    """Another executor's work, under the lock of runs if there are places to be alone on."""

    def __init__(self, inner: Executor, places: Places | None) -> None:
        self._inner, self._places = inner, places

    @property
    def retries(self) -> "RetryMode":
        return self._inner.retries

    @property
    def step_dependency_config(self) -> "StepDependencyConfig":
        return self._inner.step_dependency_config

    def execute(
        self, plan_context: "PlanOrchestrationContext", execution_plan: "ExecutionPlan"
    ) -> "Iterator[DagsterEvent]":
        run = plan_context.dagster_run
        plan_context.instance.add_run_tags(run.run_id, {PROCESS_TAG: this_process()})
        if self._places is None:
            yield from self._inner.execute(plan_context, execution_plan)
            return
        lock = only_run(self._places, run.job_name, run.run_id, plan_context.log.info)
        with dg.raise_execution_interrupts():  # a run that waits can be cancelled
            lock.__enter__()
        try:
            yield from self._inner.execute(plan_context, execution_plan)
        finally:
            lock.__exit__(None, None, None)
