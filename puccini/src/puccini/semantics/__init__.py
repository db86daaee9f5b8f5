"""From what is written to what it means: names resolved, inheritance and refinement applied, rules checked."""
