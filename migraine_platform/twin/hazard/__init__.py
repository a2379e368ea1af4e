"""The personal hazard of an onset, and how uncertain it is.

Begin with `hypotheses`, who a patient may be, and `filter`, which weighs them day by day; `population` learns what all
patients share, `contributions` takes a forecast apart.
"""
