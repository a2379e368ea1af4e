"""What tests of research share with those of the packages that it builds on."""

from __future__ import annotations

from migraine_platform_tests.aline.conftest import reference as reference
from migraine_platform_tests.aline.conftest import train as train
from migraine_platform_tests.simulator.conftest import simulator_of as simulator_of
