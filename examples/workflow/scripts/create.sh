#!/bin/sh
set -eu
mkdir -p "$FOLDER"
printf '%s\n' apples pears plums >"$FOLDER/orders"
