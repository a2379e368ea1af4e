"""What twins say of the days after tomorrow's forecast: chances of migraine, and what the days may be like."""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.warehouse.declare import Table, day, number, share, text
from migraine_platform.warehouse.tables.names import PATIENT_ID
from migraine_platform.warehouse.tables.twin import TRANSITIONS


class DaysAhead(Table, name="twin.days_ahead", key=("patient_id", "for_date"), by_batch=True, by_days=True):
    """Forecasts of each of the next days, as of the last evening, by the twin in use; nothing recorded until then."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    made_on = day("Evening of the forecast")
    for_date = day("Day that is forecast")
    probability = share("That it is a migraine day")
    lower = share("Lower end of a 90 % credible interval of what the whole state of the evening before would forecast")
    upper = share("Its upper end")

    rules: ClassVar = {"the interval is ordered": "lower <= upper", "the day follows the evening": "for_date > made_on"}


class StatesAhead(
    Table, name="twin.states_ahead", key=("patient_id", "for_date", "feature"), by_batch=True, by_days=True
):
    """What the next days may be like, feature by feature, by the model of the next day that fits the person better."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    for_date = day("Day that is forecast")
    feature = text("Column of recorded.patient_days")
    unit = text("Its unit", nullable=True)
    model = text("What made the forecast", values=TRANSITIONS)
    median = number("Median of what will be recorded")
    lower = number("Lower end of the central 90 %")
    upper = number("Upper end")
    usual = number("The person's baseline")

    rules: ClassVar = {"the interval is ordered": "lower <= median AND median <= upper"}
