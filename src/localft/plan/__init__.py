"""From a request that may say "auto" to a plan in which every number is concrete.

`TrainingRequest` (request.py) is what a recipe or flags say. `make_plan` (making.py) resolves it into a `TrainingPlan`
(training_plan.py): frozen, printed, saved as plan.json, and enough to repeat the run. A plan's *meaning* (data, model,
method, knobs) says what is computed; its *execution* (execution.py) says how, on this machine, and may change without
changing the result.
"""

from localft.catalog import PlannedModel
from localft.hyperparameters import Hyperparameters, Resolved, ResolvedHyperparameters
from localft.plan.data_file import DataFile
from localft.plan.execution import PlannedExecution
from localft.plan.forecast import ExecutionForecast
from localft.plan.integrations import Integration
from localft.plan.making import default_output_dir, make_plan
from localft.plan.memory import MemoryEstimate
from localft.plan.request import ExecutionRequest, LoraSettings, MethodRequest, SupervisedMethod, TrainingRequest
from localft.plan.training_plan import LearningRate, TokenCounts, TrainingPlan, plan_schema

__all__ = [
    "DataFile",
    "ExecutionForecast",
    "ExecutionRequest",
    "Hyperparameters",
    "Integration",
    "LearningRate",
    "LoraSettings",
    "MemoryEstimate",
    "MethodRequest",
    "PlannedExecution",
    "PlannedModel",
    "Resolved",
    "ResolvedHyperparameters",
    "SupervisedMethod",
    "TokenCounts",
    "TrainingPlan",
    "TrainingRequest",
    "default_output_dir",
    "make_plan",
    "plan_schema",
]
