"""Whether a patient has changed since the twin got to know him, in what, and since when.

Begin with `watch`, what is carried along for every twin, and `examination`, which dates a change; `alarms` sets the
thresholds of all detectors together, `adaptation` makes a twin follow a change.
"""
