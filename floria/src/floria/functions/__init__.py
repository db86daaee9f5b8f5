"""The built-in functions of the namespace ``floria``; `floria.evaluation.Functions` registers them."""
